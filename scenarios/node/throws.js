// A page that works, and one with an error that nobody catches: it comes after the page's own function has returned.
const http = require('http');

http.createServer((request, response) => {
  if (request.url === '/order') {
    setImmediate(() => response.end(request.cart.total));
    return;
  }
  response.end('ok\n');
}).listen(process.env.PORT, process.env.HOST);
