import { createMetrics } from './metrics.ts';
import { startOps, type OpsServer } from './ops-server.ts';

let state: true | string = true;
let ops: OpsServer;

beforeAll(async () => {
  ops = await startOps({
    port: 0,
    host: '127.0.0.1',
    registry: createMetrics('test'),
    ready: () => {
      if (state === 'broken') throw new Error('broken');
      return state;
    },
  });
});
afterAll(() => ops.close());

const get = (path: string) => fetch(`http://127.0.0.1:${ops.port}${path}`);

test('metrics', async () => {
  const answer = await get('/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^application\/openmetrics-text/);
  expect(await answer.text()).toContain('process_cpu_seconds_total');
});

test('alive whatever the readiness', async () => {
  state = 'models are loading';
  expect((await get('/healthz')).status).toBe(200);
});

test('readiness with its reason', async () => {
  state = 'models are loading';
  const refused = await get('/readyz');
  expect(refused.status).toBe(503);
  expect(await refused.text()).toBe('models are loading\n');
  state = true;
  expect((await get('/readyz?probe=1')).status).toBe(200);
});

test('a readiness check that throws is a 500, not a crash', async () => {
  state = 'broken';
  expect((await get('/readyz')).status).toBe(500);
});

test('nothing else is served', async () => {
  expect((await get('/')).status).toBe(404);
});

test('a taken port is an error', async () => {
  const again = startOps({
    port: ops.port,
    host: '127.0.0.1',
    registry: createMetrics('test'),
    ready: () => true,
  });
  await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
