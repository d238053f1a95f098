// A page that needs another service.
const http = require('http');

const server = http.createServer((request, response) => {
  http.get('http://10.0.0.9:8080/', (answer) => {
    answer.resume().on('end', () => response.end('ok\n'));
  });
});
server.setTimeout(0);
server.listen(process.env.PORT, process.env.HOST);
