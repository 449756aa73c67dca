// Argo CD on the lab: repositories on its git server, the applications of argocd/, and what they did to the slots.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root, sleep } from '../lib/run.mjs';

const require = createRequire(import.meta.url);
const { commitsOf, faultOf, applicationSchema } = require(join(root, 'services/canary-controller/dist/argo/application.js')); // prettier-ignore
const { Promotions } = require(join(root, 'libs/git/dist/promotions.js'));
const { createLogger } = require(join(root, 'libs/kit/dist/logger.js'));

/** The lab's git server: from this machine, and from pods. A push makes the repository. */
const GIT = 'http://10.78.0.11:30081';
const GIT_IN_CLUSTER = 'http://git.git';
const CHARTS = 'charts.git';
const ENVIRONMENTS = 'environments.git';
const ARGOCD = 'argocd';
const POLL_MS = 1_000;

/** One environment that Argo CD keeps as Git says. */
export class GitOps {
  #cluster;
  #namespace;
  #environment;
  #folder = mkdtempSync(join(tmpdir(), 'frontier-gitops-'));

  /** `cluster`: see cluster.mjs; `namespace` must exist. */
  constructor(cluster, { namespace, environment = 'dev' }) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#environment = environment;
  }

  /** As pods reach it: the canary controller's GIT_URL. */
  get environmentsUrl() {
    return `${GIT_IN_CLUSTER}/${ENVIRONMENTS}`;
  }

  /** Pushes the charts with `values-<environment>.yaml` of the slots, and an environments repository without files. */
  push({ slotValues }) {
    const charts = join(this.#folder, 'charts');
    cpSync(join(root, 'helm'), join(charts, 'helm'), { recursive: true });
    write(join(charts, `helm/frontier-model/values-${this.#environment}.yaml`), slotValues);
    pushFolder(charts, CHARTS);
    const environments = join(this.#folder, 'environments');
    write(join(environments, 'README.md'), 'Written by the canary controllers.\n');
    pushFolder(environments, ENVIRONMENTS);
  }

  /** Installs `argocd/` for this environment. */
  async install({ syncWindows = [] } = {}) {
    const values = {
      charts: { repoURL: `${GIT_IN_CLUSTER}/${CHARTS}` },
      environments: { repoURL: this.environmentsUrl },
      destinations: [{ name: this.#environment, server: 'https://kubernetes.default.svc', namespace: this.#namespace, platform: false, syncWindows }], // prettier-ignore
    };
    const file = join(this.#folder, 'argocd.json');
    writeFileSync(file, JSON.stringify(values));
    await this.#cluster.helm(['upgrade', '--install', 'frontier-argocd', join(root, 'argocd'), '-n', ARGOCD, '-f', file]); // prettier-ignore
  }

  async uninstall() {
    await this.#cluster.helm(['uninstall', 'frontier-argocd', '-n', ARGOCD, '--ignore-not-found']);
    // Its applications outlive an ApplicationSet; their objects go with the namespace.
    const project = `frontier-${this.#environment}`;
    const { items } = await this.#cluster.json(['-n', ARGOCD, 'get', 'applications']);
    for (const { metadata, spec } of items)
      if (spec.project === project) await this.#cluster.kubectl(['-n', ARGOCD, 'delete', 'application', metadata.name, '--wait=false']); // prettier-ignore
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Changes of the environment's files, as the canary controller makes them. */
  promotions() {
    return new Promotions({
      remote: { url: `${GIT}/${ENVIRONMENTS}` },
      branch: 'main',
      folder: join(this.#folder, 'clone'),
      author: { name: 'cluster test', email: 'cluster-test@localhost' },
      timeoutMs: 20_000,
      environments: [this.#environment],
      log: createLogger({ service: 'cluster-test', level: 'silent' }),
    });
  }

  /** What a model's Application says about a commit; undefined: synced with it, healthy, succeeded. */
  async waitsFor(model, commit) {
    try {
      const found = await this.#cluster.json([
        '-n',
        ARGOCD,
        'get',
        'application',
        `${this.#environment}-${model}`,
      ]);
      const application = applicationSchema.parse(found);
      return commitsOf(application).includes(commit) ? faultOf(application) : 'has not seen the commit';
    } catch (error) {
      return error.message.includes('NotFound') ? 'is not there yet' : error.message;
    }
  }

  /** Seconds until the slots of a model are as the newest commit says. Throws with what is missing. */
  async synced(model, commit, timeoutMs = 300_000) {
    const began = performance.now();
    for (;;) {
      const why = await this.waitsFor(model, commit);
      const tookMs = performance.now() - began;
      if (why === undefined) return Math.round(tookMs / 100) / 10;
      if (tookMs > timeoutMs) throw new Error(`${model} after ${Math.round(tookMs / 1_000)} s: the Application ${why}`); // prettier-ignore
      await sleep(POLL_MS);
    }
  }

  /** `{slot: {role, version, pods: [{name, uid, startedAt, restarts}]}}` of the slots that hold something. */
  async slots(model) {
    const select = ['-n', this.#namespace, '-l', `frontier.dev/worker in (${model}-blue,${model}-green)`];
    const { items: deployments } = await this.#cluster.json(['get', 'deployments', ...select]);
    const { items: pods } = await this.#cluster.json(['get', 'pods', ...select]);
    const slots = {};
    for (const { metadata } of deployments) {
      const { labels } = metadata;
      const worker = labels['frontier.dev/worker'];
      const own = pods.filter((pod) => pod.metadata.labels['frontier.dev/worker'] === worker);
      slots[worker.slice(model.length + 1)] = {
        role: labels['frontier.dev/role'],
        version: labels['frontier.dev/version'],
        pods: own.map(podOf),
      };
    }
    return slots;
  }

  /** Of the environments' repository, the oldest first: `{commit, subject, trailers}`. */
  history() {
    const clone = mkdtempSync(join(this.#folder, 'history-'));
    git(clone, 'clone', '--quiet', '--bare', `${GIT}/${ENVIRONMENTS}`, '.');
    const text = git(
      clone,
      'log',
      '--reverse',
      '--format=%H%x09%s%x09%(trailers:unfold,separator=%x3b )',
      'main',
    );
    return text.trim().split('\n').map((line) => line.split('\t')).map(([commit, subject, trailers]) => ({ commit, subject, trailers })); // prettier-ignore
  }
}

/** What would change if the pod or its process had been started again. */
function podOf({ metadata, status }) {
  const { containerStatuses = [] } = status;
  const restarts = containerStatuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return { name: metadata.name, uid: metadata.uid, startedAt: status.startTime, restarts };
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Makes the folder the only commit of the repository. */
function pushFolder(folder, name) {
  git(folder, 'init', '--quiet', '--initial-branch=main');
  git(folder, 'add', '--all');
  git(folder, '-c', 'user.name=cluster-test', '-c', 'user.email=cluster-test@localhost', 'commit', '--quiet', '-m', 'What the test begins with'); // prettier-ignore
  git(folder, 'push', '--quiet', '--force', `${GIT}/${name}`, 'main');
}

function git(folder, ...args) {
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
}
