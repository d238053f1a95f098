// An export that waits for more rows after exactly two buffers of nginx's, 4 KB each, header and all.
const http = require('http');

http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 100000 });
  const head = Buffer.byteLength(response._header);
  response.write('x'.repeat(2 * 4096 - head));
}).listen(process.env.PORT, process.env.HOST);
