import { spawn } from 'node:child_process';
import { AppError } from '@frontier/contracts/errors';

/** Bytes of a call's output at most; a file or a log line of ours is far smaller. */
const MAX_STDOUT = 1024 * 1024;
const MAX_STDERR = 16 * 1024;

export interface GitCall {
  signal: AbortSignal;
  input?: string;
  env?: Record<string, string>;
}

export interface GitResult {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Settings of every call. No hook of ours runs, nothing is collected in the background, no redirect takes a password
 * elsewhere, and what is fetched is checked.
 */
const CONFIG: Record<string, string> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'credential.helper': '',
  'fetch.fsckObjects': 'true',
  'gc.auto': '0',
  'http.followRedirects': 'false',
  'maintenance.auto': 'false',
};

/** Runs the `git` binary in one folder: a clean environment, no questions, a deadline and a limit on each call. */
export class Git {
  readonly #folder: string;
  readonly #timeoutMs: number;
  readonly #env: Record<string, string>;

  /** `env`: what authentication needs; `config`: further settings. Nothing else of ours reaches `git`. */
  constructor(
    folder: string,
    timeoutMs: number,
    env: Record<string, string>,
    config: Record<string, string>,
  ) {
    this.#folder = folder;
    this.#timeoutMs = timeoutMs;
    const settings = Object.entries({ ...CONFIG, ...config });
    this.#env = {
      PATH: '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin',
      LC_ALL: 'C',
      GIT_ALLOW_PROTOCOL: 'file:http:https:ssh',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_LITERAL_PATHSPECS: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_TERMINAL_PROMPT: '0',
      GIT_CONFIG_COUNT: String(settings.length),
      ...Object.fromEntries(settings.flatMap(([key, value], i) => [[`GIT_CONFIG_KEY_${i}`, key], [`GIT_CONFIG_VALUE_${i}`, value]])), // prettier-ignore
      ...env,
    };
  }

  /** Resolves with any exit code. Throws CANCELLED, or UNAVAILABLE when it takes or says too much. */
  run(args: readonly string[], { signal, input, env }: GitCall): Promise<GitResult> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new AppError('CANCELLED', 'git: given up'));
      // A group of its own: `git` starts ssh and helpers for HTTP, which must go with it.
      const child = spawn('git', args, { cwd: this.#folder, env: { ...this.#env, ...env }, detached: true });
      let fault: AppError | undefined;
      const stop = (code: 'CANCELLED' | 'UNAVAILABLE', why: string) => {
        fault ??= new AppError(code, `git ${args[0]}: ${why}`, code === 'UNAVAILABLE' ? { retryAfterS: 5 } : {}); // prettier-ignore
        if (child.pid !== undefined) killGroup(child.pid);
      };
      const onAbort = () => stop('CANCELLED', 'given up');
      const timer = setTimeout(() => stop('UNAVAILABLE', `took over ${this.#timeoutMs} ms`), this.#timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      const stdout = collect(child.stdout, MAX_STDOUT, () => stop('UNAVAILABLE', 'said too much'));
      const stderr = collect(child.stderr, MAX_STDERR, () => undefined);
      const done = (settle: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      child.on('error', (cause) => done(() => reject(new AppError('UNAVAILABLE', 'git cannot be run: is it installed?', { cause })))); // prettier-ignore
      child.on('close', (code) => done(() => fault ? reject(fault) : resolve({ code: code ?? -1, stdout: stdout(), stderr: stderr() }))); // prettier-ignore
      // A process that ends early closes its input; its exit code says why.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    });
  }
}

/** Keeps the first `max` bytes of a stream, and reads the rest away. */
function collect(stream: NodeJS.ReadableStream, max: number, over: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    if (bytes + chunk.length > max) over();
    chunks.push(chunk.subarray(0, Math.max(max - bytes, 0)));
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
