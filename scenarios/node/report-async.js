// The same report, while which the others are answered.
const { execFile } = require('child_process');
const http = require('http');

http.createServer((request, response) => {
  if (request.url === '/report') {
    execFile('sleep', ['600'], () => response.end('ok\n'));
    return;
  }
  response.end('ok\n');
}).listen(process.env.PORT, process.env.HOST);
