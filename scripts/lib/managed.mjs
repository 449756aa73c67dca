// One child process: its lines are printed, it is started again when it ends by itself, and stopped in bounded time.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { linePrinter, say } from './console.mjs';
import { root } from './run.mjs';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
/** Who ran this long is healthy: its next crash waits the first delay again. */
const HEALTHY_MS = 30_000;
const EXIT_CONFIG = 78;

export class Managed {
  #spec;
  #onHopeless;
  #child;
  #ended = Promise.resolve();
  #stopping = false;
  #retry;
  #delay = FIRST_DELAY_MS;

  /**
   * `spec`: `{name, command, args, env, stopMs}`. `onHopeless(message)` is called when starting again cannot help,
   * because the configuration is wrong.
   */
  constructor(spec, onHopeless) {
    this.#spec = spec;
    this.#onHopeless = onHopeless;
  }

  get pid() {
    return this.#child?.pid;
  }

  start() {
    const { name, command, args, env } = this.#spec;
    const startedAt = Date.now();
    // A group of its own: Ctrl-C reaches only the supervisor, which stops the children in order. The IPC channel
    // tells a service that the supervisor is gone, however it went.
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    const print = linePrinter(name);
    createInterface({ input: child.stdout }).on('line', print);
    createInterface({ input: child.stderr }).on('line', print);
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(code ?? signal));
    });
    void this.#ended.then((how) => this.#onEnd(how, Date.now() - startedAt));
  }

  #onEnd(how, ranMs) {
    if (this.#stopping) return;
    const { name } = this.#spec;
    if (how === EXIT_CONFIG) return this.#onHopeless(`${name} refused its configuration (see above).`);
    if (ranMs > HEALTHY_MS) this.#delay = FIRST_DELAY_MS;
    say(
      `${name} ended (${how}) after ${(ranMs / 1000).toFixed(1)} s; starting it again in ${this.#delay / 1000} s`,
    );
    this.#retry = setTimeout(() => this.start(), this.#delay);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
  }

  /** Asks it to end; kills it when that takes longer than `stopMs`. */
  async stop() {
    this.#stopping = true;
    clearTimeout(this.#retry);
    const { name, stopMs } = this.#spec;
    this.#signal('SIGTERM');
    const hard = setTimeout(() => {
      say(`${name} did not stop within ${stopMs / 1000} s: killed`);
      this.#signal('SIGKILL');
    }, stopMs);
    await this.#ended;
    clearTimeout(hard);
  }

  kill() {
    this.#stopping = true;
    clearTimeout(this.#retry);
    this.#signal('SIGKILL');
  }

  #signal(signal) {
    if (this.#child?.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill(signal);
    }
  }
}
