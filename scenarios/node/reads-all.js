// A page that reads all of a large file into buffers, which are no part of Node's heap.
const http = require('http');

http.createServer((request, response) => {
  const parts = [];
  for (;;) parts.push(Buffer.alloc(1 << 20, 'x'));
}).listen(process.env.PORT, process.env.HOST);
