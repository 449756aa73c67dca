import { createConnection, createServer } from 'node:net';
import { Problem, sleep } from './run.mjs';

/** Whether a server may listen there now. */
export function isFree(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

export function freePort(host = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Whether a server of this machine accepts connections there, or begins to within `waitMs`. */
export async function isListening(port, waitMs = 0) {
  const end = Date.now() + waitMs;
  while (!(await connects(port))) {
    if (Date.now() >= end) return false;
    await sleep(30);
  }
  return true;
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** One inline command to a Redis server without a client; its answer as text, undefined when nobody answers. */
export function askRedis(port, command, timeoutMs = 500) {
  return new Promise((resolve) => {
    let answer = '';
    const socket = createConnection({ port, host: '127.0.0.1' });
    const end = () => {
      socket.destroy();
      resolve(answer === '' ? undefined : answer);
    };
    socket.setTimeout(timeoutMs, end);
    socket.once('error', end);
    socket.once('connect', () => socket.end(`${command}\r\nQUIT\r\n`));
    socket.on('data', (chunk) => (answer += chunk));
    socket.once('end', end);
  });
}

const portOf = (name, fallback) => {
  const port = Number(process.env[name] || fallback);
  if (!Number.isInteger(port) || port < 1 || port > 65_531) throw new Problem(`${name} is not a port.`);
  return port;
};

/** The ports of this start, from the environment. */
export function readPorts() {
  const metrics = portOf('METRICS_PORT', 9464);
  return {
    http: portOf('HTTP_PORT', 8080),
    grpc: portOf('GRPC_PORT', 50051),
    dispatch: portOf('DISPATCH_PORT', 50052),
    control: portOf('CONTROL_PORT', 8081),
    metrics: {
      gateway: metrics,
      dispatcher: metrics + 1,
      worker: metrics + 2,
      control: metrics + 3,
      'canary-controller': metrics + 4,
    },
  };
}

/** Throws a Problem that names the variables to change where a port is taken. */
export async function checkPorts(ports) {
  const wanted = [
    ['HTTP_PORT', ports.http],
    ['GRPC_PORT', ports.grpc],
    ['DISPATCH_PORT', ports.dispatch],
    ['CONTROL_PORT', ports.control],
    ...Object.values(ports.metrics).map((port) => ['METRICS_PORT', port]),
  ];
  const taken = [];
  for (const [name, port] of wanted) {
    if (!(await isFree(port)) || !(await isFree(port, '0.0.0.0'))) taken.push([name, port]);
  }
  if (taken.length === 0) return;
  const [name, port] = taken[0];
  throw new Problem(
    `${taken.map(([, number]) => `Port ${number} is in use.`).join(' ')} ` +
      `Stop what uses it, or choose another with ${[...new Set(taken.map(([variable]) => variable))].join(', ')}, ` +
      `for example: ${name}=${port + 1000} npm start`,
  );
}
