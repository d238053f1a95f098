// A page that takes an upload, and answers when it has all of it, within 20 s.
const http = require('http');

const limits = { requestTimeout: 20000, connectionsCheckingInterval: 1000 };
http.createServer(limits, (request, response) => {
  request.resume().on('end', () => response.end('ok\n'));
}).listen(process.env.PORT, process.env.HOST);
