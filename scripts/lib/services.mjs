// The services that `npm start` runs: how, with which environment, and when they are ready.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, node, Problem, sleep } from './run.mjs';

const READY_TIMEOUT_MS = 60_000;
/** On Ctrl-C: what running work may take, and what a service may take in all. */
const DRAIN_MS = 5_000;
const STOP_MS = 8_000;

/** A larger young generation: measured, it saves scavenges under load. */
const LARGE_YOUNG = ['--max-semi-space-size=16'];
/** Of glibc: ONNX Runtime's threads would each keep an arena; measured, 60 MB less when idle. */
const FEW_ARENAS = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

/** The key of the first administrator, who makes all others. */
export const ADMIN_KEY_FILE = '.frontier/admin.key';

/** Flags of Node and variables that suit each service. */
export const runtimeOf = {
  gateway: { args: LARGE_YOUNG, env: {} },
  dispatcher: { args: LARGE_YOUNG, env: {} },
  worker: { args: [], env: FEW_ARENAS },
  control: { args: [], env: {} },
  'canary-controller': { args: [], env: {} },
};

/** What Managed takes, in the order in which the services are stopped. */
export function serviceSpecs(ports, redisUrl, databaseUrl) {
  const common = {
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    DISPATCHERS: `127.0.0.1:${ports.dispatch}`,
    MODEL_REPOSITORY: process.env.MODEL_REPOSITORY || 'models',
    POOLS: 'cpu',
    // Nobody has to be told to go elsewhere: there is no other gateway.
    NOTICE_MS: '0',
    // Nothing here is protected: only this machine may reach it.
    HOST: '127.0.0.1',
    DISPATCH_HOST: '127.0.0.1',
    METRICS_HOST: '127.0.0.1',
    DRAIN_MS: `${DRAIN_MS}`,
    STOP_TIMEOUT_MS: `${STOP_MS - 1_000}`,
  };
  const spec = (name, env) => ({
    name,
    command: node,
    args: [...runtimeOf[name].args, `services/${name}/dist/main.js`],
    env: { ...common, ...runtimeOf[name].env, METRICS_PORT: `${ports.metrics[name]}`, ...env },
    stopMs: STOP_MS,
  });
  return [
    spec('gateway', { HTTP_PORT: `${ports.http}`, GRPC_PORT: `${ports.grpc}` }),
    spec('dispatcher', { DISPATCH_PORT: `${ports.dispatch}` }),
    spec('worker', { POOL: 'cpu' }),
    spec('canary-controller', {
      CANARY_TARGETS: process.env.CANARY_TARGETS || `127.0.0.1:${ports.metrics.gateway}`,
    }),
    spec('control', {
      CONTROL_HOST: '127.0.0.1',
      CONTROL_PORT: `${ports.control}`,
      CONTROL_KEY_PEPPER: process.env.CONTROL_KEY_PEPPER || keptPepper(),
      CONTROL_BOOTSTRAP_KEY_FILE: ADMIN_KEY_FILE,
    }),
  ];
}

/** Made once: the keys in the database depend on it. */
function keptPepper() {
  const file = join(cache, 'control.pepper');
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  return readFileSync(file, 'utf8');
}

/** Polls the readiness of all services; a Problem with each one's reason when it takes too long. */
export async function untilReady(ports) {
  const waiting = new Map(
    Object.entries(ports.metrics).map(([name, port]) => [name, { port, why: 'no answer' }]),
  );
  const end = Date.now() + READY_TIMEOUT_MS;
  while (waiting.size > 0) {
    for (const [name, state] of waiting) {
      try {
        const answer = await fetch(`http://127.0.0.1:${state.port}/readyz`, {
          signal: AbortSignal.timeout(1_000),
        });
        state.why = (await answer.text()).trim();
        if (answer.ok) waiting.delete(name);
      } catch {
        state.why = 'no answer';
      }
    }
    if (Date.now() > end) {
      const reasons = [...waiting].map(([name, { why }]) => `${name}: ${why}`);
      throw new Problem(`Not ready after ${READY_TIMEOUT_MS / 1000} s:\n  ${reasons.join('\n  ')}`);
    }
    if (waiting.size > 0) await sleep(50);
  }
}
