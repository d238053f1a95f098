// An application with a module that was not installed on this machine.
const billing = require('stripe-billing');
const http = require('http');

http.createServer((request, response) => {
  response.end(billing.version);
}).listen(process.env.PORT, process.env.HOST);
