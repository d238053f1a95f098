// The page that works, of an application that keeps its connections for longer than nginx does.
const http = require('http');

const server = http.createServer((request, response) => {
  response.end('ok\n');
});
server.keepAliveTimeout = 75000;
server.listen(process.env.PORT, process.env.HOST);
