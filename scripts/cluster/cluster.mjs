// The cluster that is tested: the one of FRONTIER_TEST_CLUSTER, else the lab that lies beside the repository.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { capture, must, Problem, root } from '../lib/run.mjs';

/** Of every namespace that a test may break. */
export const TEST_LABEL = 'frontier.dev/test';
const LAB = join(root, '../shared/lab');

/** They are made once on a machine. */
const BASES_MS = 900_000;

const labExists = () => existsSync(join(LAB, 'up'));

/**
 * A cluster with `kubectl` and `helm` at hand. Tests break things: nothing is done outside of namespaces that carry
 * {@link TEST_LABEL}.
 */
export class Cluster {
  #env;
  /** Whether it is the lab: images are loaded onto its nodes, add-ons can be installed. */
  lab;
  /** Whether it ran before us: then it is left running. */
  #wasUp;
  /** Of our own, with a copy of the configuration. */
  #folder;

  constructor(env, { lab, wasUp, folder }) {
    this.#env = env;
    this.lab = lab;
    this.#wasUp = wasUp;
    this.#folder = folder;
  }

  /** Throws a Problem that says what is missing. */
  static async open() {
    const context = process.env.FRONTIER_TEST_CLUSTER;
    if (context) return openContext(context);
    if (!labExists()) throw new Problem('No cluster: name one that tests may break things in, FRONTIER_TEST_CLUSTER=<context of kubectl>.'); // prettier-ignore
    const wasUp = (await capture(join(LAB, 'status'), [])).output.includes('node1');
    const output = await must('Starting the lab', join(LAB, 'up'), [], { timeoutMs: 300_000 });
    return new Cluster({ ...process.env, ...exported(output) }, { lab: true, wasUp });
  }

  get env() {
    return this.#env;
  }

  /** For the lab's docker: Debian's client has BuildKit in it, others want a plugin for it. */
  get buildEnv() {
    return { ...this.#env, DOCKER_BUILDKIT: '1', PATH: ['/usr/bin', this.#env.PATH].join(delimiter) };
  }

  /** What `kubectl` prints. Throws with its message when it fails. */
  kubectl(args, { timeoutMs = 120_000 } = {}) {
    return this.#run('kubectl', args, timeoutMs);
  }

  helm(args, { timeoutMs = 300_000 } = {}) {
    return this.#run('helm', args, timeoutMs);
  }

  async json(args) {
    return JSON.parse(await this.kubectl([...args, '-o', 'json']));
  }

  /** Makes the images that Dockerfiles and charts ask for; elsewhere a registry has them. */
  async baseImages(names) {
    if (this.lab) await must('Base images', join(LAB, 'base-images'), names, { env: this.#env, timeoutMs: BASES_MS }); // prettier-ignore
  }

  /** Puts images on every node of the lab; elsewhere they have to be where the nodes can pull them from. */
  async load(images) {
    if (this.lab) await must('Loading images', join(LAB, 'load'), images, { env: this.#env });
  }

  /** `git`, `keda`, `prometheus`, `argocd`; elsewhere they have to be there. */
  async addons(names) {
    if (this.lab) await must('Add-ons', join(LAB, 'addon'), names, { env: this.#env });
  }

  /** A namespace of our own, made anew. Refuses one that was not made by a test. */
  async freshNamespace(name) {
    const { code, output } = await capture('kubectl', ['get', 'namespace', name, '-o', `jsonpath={.metadata.labels.${TEST_LABEL.replaceAll('.', '\\.')}}`], { env: this.#env }); // prettier-ignore
    if (code === 0 && output !== 'true')
      throw new Problem(`The namespace ${name} is there and not labelled ${TEST_LABEL}=true: it is not ours to break.`); // prettier-ignore
    if (code === 0) await this.removeNamespace(name);
    await this.kubectl(['create', 'namespace', name]);
    const labels = [`${TEST_LABEL}=true`, 'pod-security.kubernetes.io/enforce=restricted'];
    await this.kubectl(['label', 'namespace', name, ...labels]);
  }

  /** With all that is in it; nothing where there is none. */
  async removeNamespace(name) {
    await this.kubectl(['delete', 'namespace', name, '--ignore-not-found', '--timeout=120s'], { timeoutMs: 130_000 }); // prettier-ignore
  }

  /** `keep`: a lab that was started here stays up. */
  async close({ keep }) {
    if (this.#folder) rmSync(this.#folder, { recursive: true });
    if (this.lab && !this.#wasUp && !keep) await must('Stopping the lab', join(LAB, 'down'), []);
  }

  async #run(command, args, timeoutMs) {
    const { code, output } = await capture(command, args, { timeoutMs, env: this.#env });
    if (code !== 0) throw new Error(`${command} ${args.join(' ')}\n${output.trimEnd().slice(-4_000)}`);
    return output;
  }
}

/** Works on a copy of the context: what the person has chosen stays chosen. */
async function openContext(context) {
  const view = ['config', 'view', '--minify', '--flatten', `--context=${context}`];
  const { code, output } = await capture('kubectl', view);
  if (code !== 0) throw new Problem(`FRONTIER_TEST_CLUSTER=${context}: ${output.trim()}`);
  const folder = mkdtempSync(join(tmpdir(), 'frontier-cluster-'));
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, output, { mode: 0o600 });
  return new Cluster({ ...process.env, KUBECONFIG: file }, { lab: false, wasUp: true, folder });
}

/** `export A=x B=y:$B`, the last line of `up`. */
function exported(output) {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  const found = /^export KUBECONFIG=(\S+) PATH=(\S+):\$PATH$/.exec(line);
  if (!found) throw new Problem(`The lab did not start:\n${output.slice(-2_000)}`);
  return { KUBECONFIG: found[1], PATH: [found[2], process.env.PATH].join(delimiter) };
}
