import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { freePort, startRedis, type TestRedis } from '@frontier/redis/testing/redis-server';
import { DispatchServer } from '@frontier/rpc/dispatch-server';
import { Registry } from 'prom-client';
import { shape } from './config.ts';
import { createGateway } from './wiring.ts';

let redis: TestRedis;
let dispatcher: DispatchServer;
let dispatchers: string;
let models: string;
beforeAll(async () => {
  redis = await startRedis();
  dispatcher = new DispatchServer({ host: '127.0.0.1', port: 0, onWorker: () => {}, onGateway: () => {} });
  dispatchers = `127.0.0.1:${await dispatcher.start()}`;
  models = await mkdtemp(join(tmpdir(), 'frontier-models-'));
});
afterAll(async () => {
  await dispatcher.stop(1_000);
  await redis.stop();
  await rm(models, { recursive: true });
});

async function publish(version: string): Promise<void> {
  const dir = join(models, 'm', version);
  await mkdir(dir, { recursive: true });
  const io = (name: string) => `[{ name: ${name}, dtype: BYTES, shape: [-1], kind: text }]`;
  const step = '{ model: other, inputs: { x: x }, outputs: { y: y } }';
  await writeFile(
    join(dir, 'model.yaml'),
    `name: m\nversion: '${version}'\ntask: test\nplatform: ensemble\ninputs: ${io('x')}\noutputs: ${io('y')}\nensemble: { steps: [${step}] }\n`,
  );
}

describe('the gateway on its real surroundings', () => {
  it('knows a version that is published while it runs', async () => {
    await publish('1');
    const port = await freePort();
    const env = {
      HOST: '127.0.0.1',
      HTTP_PORT: String(port),
      GRPC_PORT: '0',
      NOTICE_MS: '0',
      DISPATCHERS: dispatchers,
      REDIS_URL: redis.servicesUrl,
      MODEL_REPOSITORY: models,
      MODEL_POLL_MS: '20',
    };
    const log = createLogger({ service: 'gateway', level: 'silent' });
    const { signal } = new AbortController();
    const gateway = createGateway(parseEnv(shape, env), { log, registry: new Registry(), signal });
    await gateway.start();
    const versions = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/v1/models/m`);
      return ((await response.json()) as { data: { versions: string[] } }).data.versions;
    };
    expect(await versions()).toEqual(['1']);
    await publish('2');
    while ((await versions()).length < 2) await sleep(10);
    expect(await versions()).toEqual(['1', '2']);
    await gateway.stop();
  });
});
