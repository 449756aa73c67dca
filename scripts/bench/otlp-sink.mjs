// A trace collector that takes everything and keeps nothing, so that the cost of exporting spans is measured.
import { createServer } from 'node:http';

let bytes = 0;
const server = createServer((request, response) => {
  request.on('data', (chunk) => (bytes += chunk.length));
  request.on('end', () => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'));
});
server.listen(0, '127.0.0.1', () => process.send({ type: 'listening', port: server.address().port }));
process.on('message', () => process.send({ type: 'bytes', bytes }));
process.on('disconnect', () => process.exit(0));
