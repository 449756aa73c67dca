// One process of a cluster: started again whenever it ends by itself, killed and frozen by its own id only.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { Problem, root, sleep } from '../lib/run.mjs';

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 30;
/** As long as an orchestrator's first delay is at least: the others must do without it meanwhile. */
const RESTART_MS = 100;

export class Member {
  /** The FAILPOINTS under which it ran whenever it was killed, by us or by one of them. */
  deaths = [];
  /** How often it ended by itself, as only a bug makes it. */
  crashes = 0;
  ready = false;
  name;
  #spec;
  #child;
  #wanted = false;
  #restart;
  #ended = Promise.resolve();

  /**
   * `spec`: `{name, command, args, env, log, isReady, ipc}`; `isReady()` resolves to true or to why not. `ipc`: the
   * process ends when this one does, however.
   */
  constructor(spec) {
    this.name = spec.name;
    this.#spec = spec;
  }

  get kills() {
    return this.deaths.length;
  }

  get alive() {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Resolves when the process that runs now has ended, to its exit code or signal. */
  get ended() {
    return this.#ended;
  }

  /** Variables of the next start. */
  set env(env) {
    this.#spec.env = { ...this.#spec.env, ...env };
  }

  /** Starts it, unless it runs, and waits until it is ready. */
  async start() {
    this.#wanted = true;
    if (!this.alive) this.#spawn();
    await this.untilReady();
  }

  #spawn() {
    const { command, args, env, log, ipc } = this.#spec;
    const file = openSync(log, 'a');
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      // A group of its own: Ctrl-C must reach only us, who stop the members in order.
      detached: true,
      stdio: ['ignore', file, file, ...(ipc ? ['ipc'] : [])],
    });
    closeSync(file);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? code));
    });
    void this.#ended.then((how) => this.#onEnd(child, how, env?.FAILPOINTS));
    void this.#watch(child);
  }

  #onEnd(child, how, failpoints) {
    if (child !== this.#child) return;
    this.ready = false;
    if (how === 'SIGKILL') this.deaths.push(failpoints);
    else if (how !== 0) this.crashes += 1;
    if (this.#wanted)
      this.#restart = setTimeout(() => this.#wanted && !this.alive && this.#spawn(), RESTART_MS);
  }

  async #watch(child) {
    while (child === this.#child && this.alive && !this.ready) {
      const answer = await this.#spec.isReady().catch((error) => error.message);
      if (child === this.#child && this.alive && answer === true) this.ready = true;
      else await sleep(POLL_MS);
    }
  }

  async untilReady() {
    const end = Date.now() + START_TIMEOUT_MS;
    while (!this.ready) {
      if (Date.now() > end)
        throw new Problem(`${this.name} is not ready. The end of its log:\n${this.logTail()}`);
      await sleep(POLL_MS);
    }
  }

  signal(name) {
    if (this.alive) this.#child.kill(name);
  }

  /** SIGKILL; it comes back by itself. */
  async kill() {
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** SIGKILL; it stays away until `start`. */
  async killForGood() {
    this.#wanted = false;
    await this.kill();
  }

  /** Ends it and leaves it so. Resolves to its exit code or signal. */
  async stop(signal = 'SIGTERM', hardAfterMs = 15_000) {
    this.#wanted = false;
    clearTimeout(this.#restart);
    if (!this.alive) return this.#ended;
    this.signal(signal);
    const hard = setTimeout(() => this.signal('SIGKILL'), hardAfterMs);
    const how = await this.#ended;
    clearTimeout(hard);
    return how;
  }

  logTail(lines = 15) {
    return readFileSync(this.#spec.log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}
