// An application with a mistake in its second line of code.
const http = require('http');

http.createServer((request, response) => {
  response.end('ok\n';
}).listen(process.env.PORT, process.env.HOST);
