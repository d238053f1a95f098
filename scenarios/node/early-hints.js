// Tells browsers what to load while the page is made: 103 Early Hints (RFC 8297) before each answer.
const http = require('http');

http.createServer((request, response) => {
  response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
  response.end('ok\n');
}).listen(process.env.PORT, process.env.HOST);
