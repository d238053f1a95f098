// A page that keeps all that it makes: the heap grows until Node gives up.
const http = require('http');

http.createServer((request, response) => {
  const kept = [];
  for (;;) kept.push({ made: kept.length });
}).listen(process.env.PORT, process.env.HOST);
