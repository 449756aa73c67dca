// Canaries of text-direction on a cluster: versions in an OCI registry there, rollouts by the installed controller, whose
// commits Argo CD brings to the slots, and calls from here.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Load } from '../canary-run/load.mjs';
import { begin, order, passGates, register, replay, untilFinished } from '../canary-run/rollout.mjs';
import { MODEL, writeVersion } from '../canary-run/versions.mjs';
import { must, root, sleep } from '../lib/run.mjs';

const require = createRequire(import.meta.url);
const { openStores } = require(join(root, 'libs/database/dist/stores.js'));
const { sealVersion } = require(join(root, 'libs/model-store/dist/seal.js'));
const { openRemote } = require(join(root, 'libs/model-store/dist/remote.js'));
const { connect, disconnect, whenReady } = require(join(root, 'libs/redis/dist/connection.js'));
const { TrafficStore } = require(join(root, 'libs/redis/dist/traffic.js'));
const { createLogger } = require(join(root, 'libs/kit/dist/logger.js'));

const silent = createLogger({ service: 'cluster-test', level: 'silent' });

const REGISTRY_IMAGE = 'frontier-test/registry:1';
const REGISTRY = join(root, 'test/cluster/registry');
/** As pods of the namespace reach it. */
export const REGISTRY_URL = 'oci+http://model-registry:5000/models';
const GRPC_PORT = 50051;
const READY_MS = 30_000;

/** Values of `helm/frontier` for it; `git` and `kubernetes` are egress rules to the two servers. */
export function platformValues({ environment, environmentsUrl, git, kubernetes }) {
  const registry = { podSelector: { matchLabels: { app: 'model-registry' } } };
  return {
    models: { source: 'repository', repository: { urls: [REGISTRY_URL] } },
    // Serves what is stable until its slot does; a model that goes through Git is then left out here.
    workers: { cpu: { models: [`${MODEL}@1`], replicas: 1 } },
    canaryController: {
      git: { url: environmentsUrl, environments: [environment] },
      argocd: { application: '{environment}-{model}' },
    },
    networkPolicy: { egress: { models: [{ to: [registry], ports: [{ port: 5000 }] }], git: [git], kubernetes: [kubernetes] } }, // prettier-ignore
  };
}

/** Builds the registry's image and starts it in the namespace. */
export async function startRegistry(cluster, namespace) {
  await must('The registry', 'docker', ['build', '--network', 'host', '-t', REGISTRY_IMAGE, REGISTRY], { env: cluster.env }); // prettier-ignore
  await cluster.load([REGISTRY_IMAGE]);
  await cluster.kubectl(['-n', namespace, 'apply', '-f', join(REGISTRY, 'registry.yaml')]);
  await cluster.kubectl(['-n', namespace, 'rollout', 'status', 'deployment/model-registry', '--timeout=120s'], { timeoutMs: 130_000 }); // prettier-ignore
}

export class ClusterCanary {
  #cluster;
  #namespace;
  #gitops;
  #folder = mkdtempSync(join(tmpdir(), 'frontier-versions-'));
  #forwarding = [];
  #load = new Load();
  #stores;
  #redis;

  /** `gitops`: see argo.mjs. */
  constructor(cluster, { namespace, gitops }) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#gitops = gitops;
  }

  /** The platform must be installed, with version 1 published. From then on there are `rate` calls a second to it. */
  async start({ rate }) {
    const url = await this.#reach('postgresql', 5432);
    this.#stores = await openStores({ url, log: silent });
    this.#redis = connect({ url: await this.#reach('redis', 6379), name: 'cluster-test', log: silent });
    await whenReady(this.#redis, READY_MS);
    // Without a record the highest version is called, so a new one as soon as it is published.
    const record = { model: MODEL, stable: '1', blocked: [], rollout: null, shadow: null, experiment: null };
    const traffic = new TrafficStore(this.#redis);
    if (!(await traffic.get(MODEL))) await traffic.put(record, 0);
    await this.#load.start([GRPC_PORT], rate, await this.#addressOf('frontier-gateway'));
  }

  /** Writes, seals and publishes a version; `kind`: see canary-run/versions.mjs. Its digest. */
  async publish(version, kind) {
    writeVersion(this.#folder, version, kind);
    const folder = join(this.#folder, MODEL, version);
    const digest = await sealVersion(folder);
    const address = await this.#addressOf('model-registry');
    await openRemote(REGISTRY_URL.replace('model-registry', address), {}).publish(folder);
    return digest;
  }

  /** In the registry of the control service, with all gates passed, and in `state`. */
  async approve(version, digest, state = 'approved') {
    await register(this.#stores, version, digest, state);
    await passGates(this.#stores, version);
  }

  /** A rollout from its creation to its end: `{phase, waitedS, seconds, …}`, `waitedS` for its slot, `seconds` since its
   * first call. */
  async roll({ stable, canary, canaryDigest, policy, timeoutMs }) {
    const id = `cluster-${canary}`;
    const began = Date.now();
    const rollout = await begin(this.#stores, { id, stable, canary, canaryDigest, policy });
    let before;
    let ordered = false;
    const look = async (entries) => {
      // The first scrape comes when the slot is ready.
      if (before === undefined && entries.length > 0) before = await this.#gitops.slots(MODEL);
      if (ordered || Date.now() - began < timeoutMs) return;
      ordered = true;
      await order(this.#stores, id, 'abort');
    };
    const entries = await untilFinished(this.#stores, id, { timeoutMs: timeoutMs + 60_000, look });
    const first = entries.find(({ event }) => event.kind === 'scrape');
    const called = entries.find(({ decision }) => decision.phase === 'canary');
    return {
      phase: (await this.#stores.rollouts.get(id)).phase,
      waitedS: first ? seconds(first.at - began) : null,
      seconds: called ? seconds(entries.at(-1).at - called.at) : null,
      requests: entries.at(-1)?.decision.evidence.requests.canary ?? 0,
      reason: entries.findLast(({ decision }) => decision.verdict !== 'continue')?.decision.reason ?? '',
      replayed: entries.length > 0 && replay(rollout, entries) === entries.length,
      before,
      after: await this.#gitops.slots(MODEL),
    };
  }

  get calls() {
    return { answered: this.#load.answered, failed: this.#load.failed };
  }

  async stop() {
    this.#load.stop();
    await this.#stores?.close().catch(() => undefined);
    if (this.#redis) await disconnect(this.#redis);
    for (const child of this.#forwarding) child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A URL with the passwords that the chart makes for development, through a port of this machine. */
  async #reach(of, port) {
    const { data } = await this.#cluster.json(['-n', this.#namespace, 'get', 'secret', `frontier-${of}-development`]); // prettier-ignore
    const { port: local, child } = await forward(
      this.#cluster,
      this.#namespace,
      `service/frontier-${of}`,
      port,
    );
    this.#forwarding.push(child);
    const url = new URL(Buffer.from(data.url, 'base64').toString());
    url.host = `127.0.0.1:${local}`;
    return url.href;
  }

  async #addressOf(service) {
    return (await this.#cluster.json(['-n', this.#namespace, 'get', 'service', service])).spec.clusterIP;
  }
}

const seconds = (ms) => Math.round(ms / 100) / 10;

/** A local port that leads to one of the cluster. Throws when there is none within 20 s. */
async function forward(cluster, namespace, target, port) {
  const child = spawn('kubectl', ['-n', namespace, 'port-forward', target, `:${port}`], { env: cluster.env, stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  for (let i = 0; i < 200; i += 1) {
    const found = /127\.0\.0\.1:(\d+) ->/.exec(output);
    if (found) return { port: Number(found[1]), child };
    await sleep(100);
  }
  child.kill();
  throw new Error(`no port leads to ${target}:${port}`);
}
