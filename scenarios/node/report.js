// A page that works, and a report that another program makes: nothing else is done until it has ended.
const { execFileSync } = require('child_process');
const http = require('http');

http.createServer((request, response) => {
  if (request.url === '/report') {
    execFileSync('sleep', ['600']);
  }
  response.end('ok\n');
}).listen(process.env.PORT, process.env.HOST);
