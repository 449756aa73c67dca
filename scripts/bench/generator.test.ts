import { fork } from 'node:child_process';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';

/*
 * The generator against servers whose behaviour is known: a benchmark that counts wrongly is worse than none.
 */

interface Result {
  requests: number;
  completed: number;
  failed: number;
  errors: Record<string, number>;
  rate: number;
  p50: number;
  p99: number;
  max: number;
}

const SUM = Int32Array.from({ length: 16 }, (_, i) => i * 3);
const workload = {
  model: 'adder',
  items: [
    {
      inputs: [{ name: 'x', datatype: 'INT32', shape: [1, 16], data: Buffer.from(SUM.buffer) }],
      expected: { sum: SUM },
    },
  ],
};

async function generate(protocol: 'http' | 'grpc', server: Server, load: object): Promise<Result> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const child = fork(join(__dirname, 'generator.mjs'), { serialization: 'advanced' });
  try {
    return await new Promise<Result>((resolve, reject) => {
      child.on('message', (message: { type: string; result: Result; message: string }) => {
        if (message.type === 'result') resolve(message.result);
        if (message.type === 'failed') reject(new Error(message.message));
      });
      const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
      child.send({ protocol, target, workload, load: { warmupMs: 100, durationMs: 500, seed: 1, ...load } });
    });
  } finally {
    child.disconnect();
    server.close();
  }
}

function httpServer(answer: (respond: (status: number, sum: Int32Array) => void) => void): http.Server {
  return http.createServer((request, response) => {
    request.resume().on('end', () => {
      answer((status, sum) => {
        const body = JSON.stringify({ data: { outputs: { sum: [[...sum]] } } });
        // Two writes make it chunked.
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.write(body.slice(0, 7));
        response.end(body.slice(7));
      });
    });
  });
}

/** Answers gRPC calls with one output tensor and these trailers. */
function grpcServer(trailers: Record<string, string>): Server {
  const field = (number: number, bytes: Uint8Array) =>
    Buffer.from([(number << 3) | 2, bytes.length, ...bytes]);
  const tensor = Buffer.concat([field(1, Buffer.from('sum')), field(4, Buffer.from(SUM.buffer))]);
  const message = field(5, tensor);
  const server = http2.createServer();
  server.on('stream', (stream) => {
    stream.resume().on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
    });
  });
  return server;
}

test('a closed loop over HTTP keeps so many in flight and counts every answer', async () => {
  let inFlight = 0;
  let most = 0;
  const server = httpServer((respond) => {
    most = Math.max(most, ++inFlight);
    setTimeout(() => {
      inFlight--;
      respond(200, SUM);
    }, 10);
  });
  const result = await generate('http', server, { inFlight: 8 });
  expect(result.failed).toBe(0);
  expect(most).toBe(8);
  expect(result.p50).toBeGreaterThan(9);
});

test('wrong answers and error statuses are failures', async () => {
  let turn = 0;
  const server = httpServer((respond) => {
    turn++;
    if (turn % 4 === 0) respond(429, SUM);
    else respond(200, turn % 4 === 1 ? SUM.map((value) => value + 1) : SUM);
  });
  const { errors, completed } = await generate('http', server, { rate: 400 });
  expect(errors['HTTP_429']).toBeGreaterThan(20);
  expect(errors['WRONG_ANSWER']).toBeGreaterThan(20);
  expect(completed).toBeGreaterThan(40);
});

test('an open loop sees a stall in the latency of everything that arrived meanwhile', async () => {
  const waiting: (() => void)[] = [];
  let stalled = false;
  let stalls = 0;
  const server = httpServer((respond) => {
    if (!stalled && stalls === 0) {
      stalled = true;
      stalls++;
      setTimeout(() => {
        stalled = false;
        for (const answer of waiting.splice(0)) answer();
      }, 400);
    }
    if (stalled) waiting.push(() => respond(200, SUM));
    else respond(200, SUM);
  });
  const result = await generate('http', server, { rate: 400, warmupMs: 0 });
  expect(result.failed).toBe(0);
  // 400 of the 500 ms were a stall: the median arrival waited about half of it, which a closed loop would not show.
  expect(result.max).toBeGreaterThan(300);
  expect(result.p50).toBeGreaterThan(100);
});

test('unary calls over gRPC, more in flight than streams of one connection', async () => {
  const result = await generate('grpc', grpcServer({ 'grpc-status': '0' }), { inFlight: 150 });
  expect(result.failed).toBe(0);
  expect(result.completed).toBeGreaterThan(150);
});

test('a gRPC status other than 0 is a failure', async () => {
  const server = grpcServer({ 'grpc-status': '8', 'grpc-message': 'the queue is full: try later' });
  const { errors, completed } = await generate('grpc', server, { rate: 200 });
  expect(completed).toBe(0);
  expect(Object.keys(errors)).toEqual(['GRPC_8']);
});
