// A Node server with a slow answer: node node_server.js PORT [graceful]
const http = require('http');

const [port, manner] = process.argv.slice(2);
const server = http.createServer((request, response) => {
  if (request.url === '/slow') setTimeout(() => response.end('done'), 2500);
  else response.end('ok');
});
server.listen(Number(port), '127.0.0.1');
if (manner === 'graceful') process.on('SIGTERM', () => server.close(() => process.exit(0)));
