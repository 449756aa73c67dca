// Run by `helm test` in a pod with the gateway's image: real calls, as a caller makes them. Exits 1 at the first fault.
/* oxlint-disable eslint/no-console, node/no-process-env -- a program of its own, without the logger of the services */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const { GATEWAY, READY, SHIPPED } = process.env;
const require = createRequire('/app/services/gateway/dist/main.js');
const DEADLINE_MS = 10_000;
const TRIES = 30;

const ROW = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const ONES = ROW.map(() => 1);

/** Right after an installation a worker may still load its models. */
async function eventually(name, check) {
  for (let left = TRIES; ; left -= 1) {
    try {
      const result = await check();
      console.log(`ok: ${name}`);
      return result;
    } catch (error) {
      if (left === 0) throw new Error(`${name}: ${error.message}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}

/** Of the gateway; `{status, data}`. `body` makes it a POST. */
async function call(path, body) {
  const response = await fetch(`http://${GATEWAY}:8080${path}`, {
    ...(body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const text = await response.text();
  assert.ok(response.ok, `${response.status} ${text}`);
  return { status: response.status, data: JSON.parse(text).data };
}

const REQUEST = { model: 'simple', inputs: { INPUT0: [ROW], INPUT1: [ONES] } };

function assertRight({ outputs }) {
  assert.deepEqual(outputs.OUTPUT0, [ROW.map((x) => x + 1)]);
  assert.deepEqual(outputs.OUTPUT1, [ROW.map((x) => x - 1)]);
}

async function infer() {
  assertRight((await call('/v1/infer', REQUEST)).data);
}

async function submit() {
  const { status, data } = await call('/v1/jobs', REQUEST);
  assert.equal(status, 202);
  return data;
}

async function finish(data) {
  for (let left = TRIES; ; left -= 1) {
    const { data: now } = await call(`/v1/jobs/${data.id}`);
    if (now.status === 'completed') return assertRight(now.result);
    assert.ok(left > 0 && now.status !== 'failed', `the job is ${now.status}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function grpcHealth() {
  const grpc = require('@grpc/grpc-js');
  const loader = require('@grpc/proto-loader');
  const { protoPath } = require('grpc-health-check');
  const { Health } = grpc.loadPackageDefinition(loader.loadSync(protoPath, { enums: String })).grpc.health.v1;
  const client = new Health(`${GATEWAY}:50051`, grpc.credentials.createInsecure());
  const answer = await new Promise((resolve, reject) => {
    client.check({ service: '' }, { deadline: Date.now() + DEADLINE_MS }, (error, value) =>
      error ? reject(error) : resolve(value),
    );
  }).finally(() => client.close());
  assert.equal(answer.status, 'SERVING');
}

async function ready(host) {
  const response = await fetch(`http://${host}:9464/readyz`, { signal: AbortSignal.timeout(DEADLINE_MS) });
  assert.equal(response.status, 200, await response.text());
}

try {
  for (const host of READY.split(',')) await eventually(`${host} is ready`, () => ready(host));
  await eventually('gRPC health', grpcHealth);
  if (SHIPPED === 'true') {
    await eventually('a call', infer);
    const accepted = await eventually('a job is accepted', submit);
    await finish(accepted);
    console.log('ok: and has the right result');
  } else {
    console.log('skipped: calls, since the model `simple` is not among those of your own');
  }
} catch (error) {
  console.error(`failed: ${error.message}`);
  process.exitCode = 1;
}
