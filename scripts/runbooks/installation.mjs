// The installation that is broken and mended: the release `frontier` in a namespace that tests may break.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_LABEL } from '../cluster/cluster.mjs';
import { capture, Problem, root, sleep } from '../lib/run.mjs';

const CHART = join(root, 'helm/frontier');
const READY_MS = 240_000;

/** What `sh` would be for a person: a step that says one of these on stderr has failed, whatever its exit code. */
const SAYS_FAILED = /^(?:error:|Error from server|Error:|bash: .*(?:not found|syntax error)|frontier: )/m;

const CALL = `fetch(process.argv[1], { method: 'POST', headers: { 'content-type': 'application/json', ...JSON.parse(process.argv[4]) }, body: process.argv[2], signal: AbortSignal.timeout(20000) })`;

export class Installation {
  #env;
  namespace;
  #replicas;

  constructor(namespace, env) {
    this.namespace = namespace;
    this.#env = env;
  }

  /** Throws a Problem for a namespace without the label. */
  static async open(namespace, env = process.env) {
    const installation = new Installation(namespace, env);
    const labels = JSON.parse(await installation.kubectl(['get', 'namespace', namespace, '-o', 'json']))
      .metadata.labels;
    if (labels?.[TEST_LABEL] !== 'true')
      throw new Problem(`The namespace ${namespace} has no label ${TEST_LABEL}=true: runbooks break things, so it is not touched.`); // prettier-ignore
    installation.#replicas = await installation.#readReplicas();
    if (installation.#replicas.size === 0) throw new Problem(`Nothing is installed in ${namespace}: install the chart first, with backup.enabled=true.`); // prettier-ignore
    return installation;
  }

  /** What it prints. Throws with its message. */
  kubectl(args, { timeoutMs = 120_000, allowFailure = false } = {}) {
    return this.#command('kubectl', ['-n', this.namespace, ...args], timeoutMs, allowFailure);
  }

  helm(args, { timeoutMs = 300_000, allowFailure = false } = {}) {
    return this.#command('helm', ['-n', this.namespace, ...args], timeoutMs, allowFailure);
  }

  /** Another release of the same chart. */
  upgrade(...sets) {
    const values = sets.flatMap((set) => ['--set', set]);
    return this.helm(['upgrade', 'frontier', CHART, '--reuse-values', '--no-hooks', ...values]);
  }

  scale(kind, name, replicas) {
    return this.kubectl(['scale', `${kind}/frontier-${name}`, `--replicas=${replicas}`]);
  }

  frontier(...args) {
    return this.kubectl(['exec', 'deploy/frontier-control', '--', 'frontier', ...args]);
  }

  /** `password`: where the Secret has just changed, since a pod's files follow up to a minute later. */
  sql(statements, password = '') {
    const psql =
      'PGPASSWORD=${2:-$(cat /secrets/postgresql/password)} psql -h 127.0.0.1 -U frontier frontier -XAtqv ON_ERROR_STOP=1 -c "$1"';
    return this.kubectl(['exec', 'sts/frontier-postgresql', '--', 'sh', '-c', psql, 'sh', statements, password]); // prettier-ignore
  }

  /** `redis-cli` with these arguments. */
  redis(...args) {
    return this.kubectl(['exec', 'sts/frontier-redis', '--', 'sh', '-c', 'REDISCLI_AUTH=$(cat /secrets/redis/password) redis-cli "$@"', 'sh', ...args]); // prettier-ignore
  }

  /** Posts a body to the gateway, `times` times; the statuses, like `{"202": 50}`. */
  async post(path, body, { times = 1, headers = {} } = {}) {
    const url = `http://frontier-gateway:8080${path}`;
    const script = `Promise.all(Array.from({ length: +process.argv[3] }, () => ${CALL}.then((r) => r.text().then(() => r.status), () => 'none'))).then((all) => { const n = {}; for (const s of all) n[s] = (n[s] ?? 0) + 1; console.log(JSON.stringify(n)); })`;
    const args = [url, JSON.stringify(body), `${times}`, JSON.stringify(headers)];
    const output = await this.kubectl(['exec', 'deploy/frontier-control', '--', '/nodejs/bin/node', '-e', script, ...args]); // prettier-ignore
    return JSON.parse(output.trim().split('\n').at(-1));
  }

  /** Everything runs in the number in which it was found, is ready, and a call is answered. */
  async heal() {
    for (const [name, replicas] of this.#replicas)
      await this.kubectl(['scale', name, `--replicas=${replicas}`]);
    for (const name of this.#replicas.keys())
      await this.kubectl(['rollout', 'status', name, `--timeout=${READY_MS / 1_000}s`], { timeoutMs: READY_MS + 5_000 }); // prettier-ignore
    const end = Date.now() + READY_MS;
    const row = Array.from({ length: 16 }, (_, i) => i);
    const body = { model: 'simple', inputs: { INPUT0: [row], INPUT1: [row] } };
    for (;;) {
      const statuses = await this.post('/v1/infer', body).catch((error) => ({ [error.message]: 1 }));
      if (statuses[200]) return;
      if (Date.now() > end) throw new Error(`no call is answered: ${JSON.stringify(statuses)}`);
      await sleep(1_000);
    }
  }

  /** A shell in which the steps of one runbook run: variables and functions go from one to the next. */
  shell() {
    const folder = mkdtempSync(join(tmpdir(), 'frontier-runbook-'));
    const state = join(folder, 'state');
    writeFileSync(state, '');
    const run = async ({ code, exit, deadlineS, match, expectsFailure }) => {
      const own = code.replace(/^NAMESPACE=frontier$/m, `NAMESPACE=${this.namespace}`);
      const script = `. ${state}\nset -ae\n${own}\nset +ae\n{ export -p | grep -v ' BASHOPTS\\| SHELLOPTS'; declare -f; } > ${state}\n`;
      const done = await capture('bash', ['-c', script], {
        timeoutMs: deadlineS * 1_000,
        env: this.#env,
        cwd: root,
      });
      if (!exit.includes(done.code))
        return { ...done, fault: `exit code ${done.code ?? 'none: over its deadline'}` };
      if (!expectsFailure && SAYS_FAILED.test(done.output)) return { ...done, fault: 'says that it failed' };
      if (match && !new RegExp(match, 'm').test(done.output))
        return { ...done, fault: `prints nothing like ${match}` };
      return done;
    };
    return { run, close: () => rmSync(folder, { recursive: true }) };
  }

  async #readReplicas() {
    const list = JSON.parse(await this.kubectl(['get', 'deployments,statefulsets', '-l', 'app.kubernetes.io/instance=frontier', '-o', 'json'])); // prettier-ignore
    return new Map(list.items.map(({ kind, metadata, spec }) => [`${kind}/${metadata.name}`, spec.replicas]));
  }

  async #command(command, args, timeoutMs, allowFailure) {
    const { code, output } = await capture(command, args, { timeoutMs, env: this.#env });
    if (code !== 0 && !allowFailure) throw new Error(`${command} ${args.join(' ').slice(0, 300)}: ${output.trim().slice(-2_000)}`); // prettier-ignore
    return output;
  }
}
