// What Node itself can do here: a bare node:http server that parses the body of a `simple` call, computes its answer
// and writes it. No queue, no checks, no metrics. The machine's speed is read from it.
import { createServer } from 'node:http';

const OPERATIONS = { OUTPUT0: (a, b) => a + b, OUTPUT1: (a, b) => a - b };

function answer(body) {
  const { inputs } = JSON.parse(body);
  const { INPUT0, INPUT1 } = inputs;
  const outputs = Object.entries(OPERATIONS).map(([name, compute]) => [
    name,
    INPUT0.map((row, i) => row.map((value, j) => compute(value, INPUT1[i][j]))),
  ]);
  return JSON.stringify({ data: { outputs: Object.fromEntries(outputs) } });
}

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const text = answer(Buffer.concat(parts));
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  });
});

let from;
server.listen(0, '127.0.0.1', () => process.send({ type: 'listening', port: server.address().port }));
process.on('message', () => {
  const cpu = process.cpuUsage(from);
  from = process.cpuUsage();
  process.send({ type: 'result', result: { cpuS: (cpu.user + cpu.system) / 1e6 } });
});
process.on('disconnect', () => process.exit(0));
