import { EventEmitter, once } from 'node:events';
import { z } from 'zod';
import { sleep } from './abort.ts';
import { runService, type Host, type RunOptions, type Service } from './lifecycle.ts';

class FakeHost extends EventEmitter implements Host {
  env: Record<string, string | undefined> = { METRICS_PORT: '0', METRICS_HOST: '127.0.0.1' };
  exits: number[] = [];
  errors = '';
  stderr = { write: (text: string) => (this.errors += text) };
  exit(code: number): void {
    this.exits.push(code);
    this.emit('exited');
  }
}

const shape = { greeting: z.string().default('hello') };

function setUp(service: Partial<Service> = {}, create?: RunOptions<typeof shape>['create']) {
  const host = new FakeHost();
  const calls: string[] = [];
  const logged: Record<string, unknown>[] = [];
  const whole: Service = {
    start: async () => void calls.push('start'),
    stop: async () => void calls.push('stop'),
    ready: () => true,
    ...service,
  };
  const options: RunOptions<typeof shape> = {
    name: 'test',
    shape,
    create:
      create ??
      ((config, { signal }) => {
        calls.push(`create ${config.greeting}`);
        signal.addEventListener('abort', () => calls.push('abort'));
        return whole;
      }),
  };
  const stream = { write: (line: string) => void logged.push(JSON.parse(line)) };
  const messages = () => logged.map(({ msg }) => msg);
  const opsPort = () => logged.find(({ msg }) => msg === 'started')?.['metricsPort'] as number;
  return { host, calls, logged, messages, opsPort, run: () => runService(options, host, stream) };
}

test('starts, is ready, stops in order on SIGTERM', async () => {
  const { host, calls, opsPort, run } = setUp();
  await run();
  expect((await fetch(`http://127.0.0.1:${opsPort()}/readyz`)).status).toBe(200);
  host.emit('SIGTERM');
  await once(host, 'exited');
  expect(calls).toEqual(['create hello', 'start', 'abort', 'stop']);
  expect(host.exits).toEqual([0]);
  await expect(fetch(`http://127.0.0.1:${opsPort()}/healthz`)).rejects.toThrow('fetch failed');
});

test('a wrong environment prints every fault and exits 78', async () => {
  const { host, calls, run } = setUp();
  host.env = { METRICS_PORT: 'x', LOG_LEVEL: 'loud' };
  await run();
  expect(host.exits).toEqual([78]);
  expect(host.errors).toMatch(/^test: wrong configuration:\n {2}LOG_LEVEL: .*\n {2}METRICS_PORT: /);
  expect(calls).toEqual([]);
});

test('not ready and alive while it stops', async () => {
  let finish = () => {};
  const { host, opsPort, run } = setUp({ stop: () => new Promise((done) => (finish = done)) });
  await run();
  host.emit('SIGINT');
  await sleep(10);
  const answer = await fetch(`http://127.0.0.1:${opsPort()}/readyz`);
  expect([answer.status, await answer.text()]).toEqual([503, 'stopping\n']);
  expect((await fetch(`http://127.0.0.1:${opsPort()}/healthz`)).status).toBe(200);
  finish();
  await once(host, 'exited');
  expect(host.exits).toEqual([0]);
});

test('stops when the supervisor that forked it is gone', async () => {
  const { host, calls, run } = setUp();
  await run();
  host.emit('disconnect');
  await once(host, 'exited');
  expect(calls.at(-1)).toBe('stop');
  expect(host.exits).toEqual([0]);
});

test('a stop that hangs is cut short', async () => {
  let finish = () => {};
  const { host, messages, run } = setUp({ stop: () => new Promise((done) => (finish = done)) });
  host.env['STOP_TIMEOUT_MS'] = '30';
  await run();
  host.emit('SIGTERM');
  await once(host, 'exited');
  finish();
  expect(host.exits).toEqual([1]);
  expect(messages()).toContain('stop failed');
});

test('a second signal exits at once', async () => {
  let finish = () => {};
  const { host, run } = setUp({ stop: () => new Promise((done) => (finish = done)) });
  await run();
  host.emit('SIGTERM');
  host.emit('SIGINT');
  expect(host.exits).toEqual([130]);
  await sleep(10);
  finish();
});

test('a signal during the start waits for it, then stops', async () => {
  const { host, calls, messages, run } = setUp({
    start: async () => {
      await sleep(30);
      calls.push('start');
    },
  });
  const running = run();
  await sleep(10);
  host.emit('SIGTERM');
  await running;
  await once(host, 'exited');
  expect(calls.slice(-2)).toEqual(['start', 'stop']);
  expect(host.exits).toEqual([0]);
  expect(messages()).not.toContain('started');
});

test('a failed start stops what was started and exits 1', async () => {
  const { host, calls, messages, run } = setUp({ start: () => Promise.reject(new Error('no Redis')) });
  await run();
  expect(calls).toContain('stop');
  expect(host.exits).toEqual([1]);
  expect(messages()).toContain('start failed');
});

test('a failed create exits 1', async () => {
  const { host, messages, run } = setUp({}, () => Promise.reject(new Error('broken')));
  await run();
  expect(host.exits).toEqual([1]);
  expect(messages()).toContain('start failed');
});

test('an uncaught error is logged and exits 1', async () => {
  const { host, logged, run } = setUp();
  await run();
  host.emit('uncaughtException', new Error('boom'));
  expect(host.exits).toEqual([1]);
  expect(logged.at(-1)).toMatchObject({ level: 'fatal', msg: 'crashed', err: { message: 'boom' } });
  host.emit('SIGTERM');
  await once(host, 'exited');
});
