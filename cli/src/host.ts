import type { Readable } from 'node:stream';

export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
}

/** What the program touches of the process; tests pass their own. */
export interface Host {
  env: Readonly<Record<string, string | undefined>>;
  stdin: Readable & { isTTY?: boolean };
  stdout: Sink;
  stderr: Sink;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}
