// The chart on the cluster: images built here, installed with the values of development and what the steps need.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capture, node, Problem, root, sleep } from '../lib/run.mjs';
import { HttpClient, sumCall } from './open-loop.mjs';

export const CHART = join(root, 'helm/frontier');
/** What the images are built from, and the chart's own servers. */
const BASES = ['debian', 'node', 'distroless', 'redis', 'postgres'];
const SERVERS = ['redis:7-bookworm', 'postgres:15-bookworm'];
const IMAGES = ['gateway', 'dispatcher', 'worker', 'canary-controller', 'control', 'models'];
const HTTP_PORT = 8080;
/** With an empty cache, on two cores. */
const IMAGES_MS = 1_800_000;
const LONGEST_MS = 600_000;

/** Beside values-dev.yaml: a pool of its own for `mlp`, and dumps for the runbooks. */
export const VALUES = {
  workers: {
    cpu: { models: ['simple', 'text-direction', 'ocr-detect', 'ocr-recognise', 'tiny-gpt'] },
    batch: {
      enabled: true,
      models: ['mlp'],
      resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
    },
  },
  backup: { enabled: true },
};

/** Builds all images and puts them on the nodes of the lab; elsewhere they have to be there. */
export async function provideImages(cluster, tag) {
  if (!cluster.lab) return;
  await cluster.baseImages(BASES);
  const { code, output } = await capture(node, [join(root, 'scripts/images.mjs'), '--network', 'host'], { timeoutMs: IMAGES_MS, env: cluster.buildEnv }); // prettier-ignore
  if (code !== 0) throw new Problem(`The images could not be built:\n${output.trimEnd().slice(-3_000)}`);
  await cluster.load([...SERVERS, ...IMAGES.map((image) => `frontier/${image}:${tag}`)]);
}

/** Installs or changes the release `frontier`; `values` come on top of values-dev.yaml. Does not wait for its pods. */
export async function install(cluster, namespace, values, { chart = CHART, timeout = '10m' } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'frontier-values-'));
  const file = join(folder, 'values.json');
  writeFileSync(file, JSON.stringify(values));
  try {
    const args = ['upgrade', '--install', 'frontier', chart, '-n', namespace, '-f', join(CHART, 'values-dev.yaml'), '-f', file, '--timeout', timeout]; // prettier-ignore
    await cluster.helm(args, { timeoutMs: LONGEST_MS });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function ready(cluster, namespace) {
  const { items } = await cluster.json(['get', 'deployments', '-n', namespace]);
  for (const { metadata, spec } of items) {
    if (spec.replicas === 0) continue;
    const status = ['rollout', 'status', '-n', namespace, `deployment/${metadata.name}`, '--timeout=300s'];
    await cluster.kubectl(status, { timeoutMs: 310_000 });
  }
}

/** Where this machine reaches the gateways. */
export async function gatewayUrl(cluster, namespace) {
  const { spec } = await cluster.json(['get', 'service', 'frontier-gateway', '-n', namespace]);
  return `http://${spec.clusterIP}:${HTTP_PORT}`;
}

/** Calls until the sum is right. Throws with the last answer. */
export async function firstAnswer(cluster, namespace, limitMs = LONGEST_MS) {
  const end = performance.now() + limitMs;
  let last = 'there is no Service yet';
  while (performance.now() < end) {
    const client = new HttpClient(await gatewayUrl(cluster, namespace).catch(() => 'http://127.0.0.1:1'));
    const { body, isRight } = sumCall(1);
    try {
      const answer = await client.call('POST', '/v1/infer', body);
      if (answer.status === 200 && isRight(answer.body.data.outputs)) return;
      last = `${answer.status} ${answer.body.error?.message}`;
    } catch (error) {
      last = error.message;
    } finally {
      client.close();
    }
    await sleep(250);
  }
  throw new Error(`no answer within ${limitMs / 1000} s: ${last}`);
}
