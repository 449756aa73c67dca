import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Decision, Evidence, Rollout } from '@frontier/contracts/rollout';
import type { Logger } from '@frontier/kit/logger';
import type { Standing } from './standing.ts';

/** Callers at once, and the longest measurement: short enough not to be a load test. */
const CALLERS = 4;
const LONGEST_MS = 60_000;
const CALL_MS = 10_000;
const MAX_BODY_BYTES = 1024 * 1024;
/** Characters of an answer in a message. */
const MAX_SHOWN = 200;

export interface BaselineOptions {
  /** Of a gateway; undefined: nothing is measured. */
  url: string | undefined;
  /** Folder with `<model>.json`. */
  bodies: string;
  samples: number;
  /** Of the reports. */
  folder: string;
  log: Logger;
}

/** Control alone, before the rollout; times in ms. */
interface Measured {
  samples: number;
  errors: number;
  p50: number;
  p95: number;
  p99: number;
}

interface Report {
  rollout: string;
  model: string;
  stable: string;
  canary: string;
  startedAt: string;
  /** Or why there is none. */
  baseline: Measured | string;
  end: ReturnType<typeof endOf> | null;
}

/** Measures control by a short synthetic load before a rollout, and writes the rollout's report. */
export class Baseline {
  readonly #options: BaselineOptions;

  constructor(options: BaselineOptions) {
    this.#options = options;
  }

  /** Once for each rollout: after a restart the report is there. */
  async measure(rollout: Rollout, signal: AbortSignal): Promise<void> {
    if (await this.#read(rollout)) return;
    const { id, model, stable, canary, createdAt } = rollout;
    const baseline = await this.#load(rollout, signal).catch((error: unknown) => `not measured: ${(error as Error).message}`); // prettier-ignore
    this.#options.log.info({ rollout: id, baseline }, 'baseline');
    const startedAt = new Date(createdAt).toISOString();
    await this.#write(rollout, { rollout: id, model, stable, canary, startedAt, baseline, end: null });
  }

  /** Adds how the rollout ended and how canary, control and baseline differ. May be done twice. */
  async conclude(rollout: Rollout, standing: Standing, last: Decision | undefined): Promise<void> {
    const report = await this.#read(rollout);
    if (report && last) await this.#write(rollout, { ...report, end: endOf(standing, last.evidence, report.baseline) }); // prettier-ignore
  }

  fileOf({ createdAt }: Rollout): string {
    const time = new Date(createdAt).toISOString().replaceAll(/[:.]/g, '-');
    return join(this.#options.folder, `canary-report-${time}.json`);
  }

  async #load({ model, stable }: Rollout, signal: AbortSignal): Promise<Measured> {
    const { url, bodies, samples } = this.#options;
    if (url === undefined) throw new Error('CANARY_BASELINE_URL is not set');
    const body = await readCall(bodies, model, stable);
    const until = performance.now() + LONGEST_MS;
    const times: number[] = [];
    let begun = 0;
    let errors = 0;
    const caller = async () => {
      while (begun < samples && performance.now() < until && !signal.aborted) {
        begun += 1;
        const at = performance.now();
        if ((await infer(url, body, signal)) === undefined) times.push(performance.now() - at);
        else errors += 1;
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    times.sort((a, b) => a - b);
    const quantile = (q: number) => Math.round((times[Math.ceil(q * times.length) - 1] ?? 0) * 100) / 100;
    return { samples: times.length + errors, errors, p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) }; // prettier-ignore
  }

  async #read(rollout: Rollout): Promise<Report | undefined> {
    const text = await readFile(this.fileOf(rollout), 'utf8').catch(() => undefined);
    const report = text === undefined ? undefined : (JSON.parse(text) as Report);
    return report?.rollout === rollout.id ? report : undefined;
  }

  async #write(rollout: Rollout, report: Report): Promise<void> {
    const file = this.fileOf(rollout);
    await mkdir(this.#options.folder, { recursive: true });
    await writeFile(`${file}.part`, `${JSON.stringify(report, null, 2)}\n`);
    await rename(`${file}.part`, file);
  }
}

/** The call of a model in a folder of calls, to one of its versions. Rejects when there is none. */
export async function readCall(folder: string, model: string, version: string): Promise<string> {
  const text = await readFile(join(folder, `${model}.json`), 'utf8');
  if (text.length > MAX_BODY_BYTES) throw new Error(`a call of more than ${MAX_BODY_BYTES} bytes`);
  return JSON.stringify({ ...(JSON.parse(text) as object), model, version });
}

/** One call through a gateway. Why it was not answered as it should be; undefined: it was. Never rejects. */
export async function infer(gateway: string, body: string, signal: AbortSignal): Promise<string | undefined> {
  const headers = { 'content-type': 'application/json' };
  const both = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
  try {
    const response = await fetch(new URL('/v1/infer', gateway), { method: 'POST', headers, body, signal: both }); // prettier-ignore
    const text = await response.text();
    return response.ok ? undefined : `${response.status} ${text.slice(0, MAX_SHOWN)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function endOf({ phase, ended }: Standing, evidence: Evidence, baseline: Measured | string) {
  const { errors, p95 } = evidence;
  const ratio = (a: number, b: number) => (b > 0 ? a / b : null);
  return {
    phase,
    decision: ended?.decision ?? null,
    reason: ended?.reason ?? '',
    evidence,
    deltas: {
      p95Ratio: ratio(p95.canary, p95.control),
      errorsPoints: (errors.canary - errors.control) * 100,
      p95ToBaseline: typeof baseline === 'string' ? null : ratio(p95.canary, baseline.p95),
    },
  };
}
