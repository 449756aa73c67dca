import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, EXIT } from '../errors.ts';
import { call } from '../http.ts';
import type { AnswerData } from './answers.ts';
import type { GoldenLine } from './golden-set.ts';

export interface RunnerOptions {
  gateway: string;
  model: string;
  version: string;
  /** Calls under way at once. */
  concurrency: number;
  deadlineMs: number;
  signal: AbortSignal;
  /** How many lines are done. */
  progress(done: number): void;
}

export interface Outcome {
  line: GoldenLine;
  /** From the call to its answer, without the waits after a refusal. */
  latencyMs: number;
  answer?: AnswerData;
  error?: string;
}

interface Envelope {
  data: AnswerData | null;
  error: { code: string; message: string } | null;
}

/** What is refused while others go first is asked again. */
const TRIES = 10;
const MAX_WAIT_MS = 30_000;
/** Above the deadline, which the gateway itself keeps. */
const GRACE_MS = 5_000;

/**
 * Sends every line through the gateway, at `low` priority: an evaluation never delays a caller. Outcomes are in the
 * order of the lines. What makes the whole run senseless is thrown, and ends the other calls.
 */
export async function runAll(lines: readonly GoldenLine[], options: RunnerOptions): Promise<Outcome[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const outcomes: Outcome[] = [];
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < lines.length) {
      const at = next;
      next += 1;
      outcomes[at] = await runOne(lines[at] as GoldenLine, { ...options, signal });
      done += 1;
      options.progress(done);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(options.concurrency, lines.length) }, work));
  } catch (error) {
    failed.abort();
    throw error;
  }
  return outcomes;
}

async function runOne(line: GoldenLine, options: RunnerOptions): Promise<Outcome> {
  const { gateway, model, version, deadlineMs, signal } = options;
  const { input, inputs, prompt, params } = line;
  const body = { model, version, input, inputs, prompt, params, priority: 'low', deadline_ms: deadlineMs };
  for (let tries = 1; ; tries += 1) {
    const started = performance.now();
    const answer = await call({
      method: 'POST',
      url: `${gateway}/v1/infer`,
      body,
      timeoutMs: deadlineMs + GRACE_MS,
      signal,
    });
    const latencyMs = performance.now() - started;
    const { data, error } = (answer.body ?? {}) as Partial<Envelope>;
    if (data && answer.status === 200) {
      // A blocked version is answered for by stable: that says nothing about this one.
      if (data.version === version) return { line, latencyMs, answer: data };
      throw new CliError(
        EXIT.negative,
        `${model}@${version} was asked, version ${data.version} has answered: have it served first`,
      );
    }
    if (answer.status === 404)
      throw new CliError(EXIT.unknown, `the gateway has no ${model}@${version}: have it loaded first`);
    if ((answer.status !== 429 && answer.status !== 503) || tries === TRIES) {
      return {
        line,
        latencyMs,
        error: error ? `${error.code}: ${error.message}` : `status ${answer.status}`,
      };
    }
    await sleep(Math.min(1_000 * Number(answer.headers.get('retry-after') ?? 1), MAX_WAIT_MS), undefined, {
      signal,
    });
  }
}
