import type { Rubric } from '@frontier/contracts/gates';
import { expectedText, numberOf, textOf, type Kind, type OutputNames } from './answers.ts';
import type { GoldenSet } from './golden-set.ts';
import {
  classification,
  quantile,
  regression,
  text,
  type Labelled,
  type Measured,
  type Metrics,
} from './metrics.ts';
import type { Outcome } from './runner.ts';

/** What the evidence of gate G1 says. */
export interface EvaluationReport {
  schema: 'frontier.evaluation/v1';
  /** Something was measured; whether it is good enough is for the gate to say. */
  passed: boolean;
  model: string;
  version: string;
  /** Null: the version was not registered. */
  digest: string | null;
  task: string;
  kind: Kind;
  samples: number;
  failed: number;
  /** The first failures. */
  failures: string[];
  goldenSet: { file: string; sha256: string };
  metrics: Metrics;
  rubric?: Rubric;
  startedAt: string;
  endedAt: string;
}

export interface Scores {
  /** 0 to 1, by a person. */
  safety: number;
  cost: number;
  /** Latency that an answer should have. */
  objectiveMs: number;
}

const SHOWN_FAILURES = 10;

/** Metrics of a run. Lines without an answer, or with one that cannot be read, count as failed, never as right. */
export function measure(kind: Kind, names: OutputNames, outcomes: readonly Outcome[]) {
  const failures: string[] = [];
  const labelled: Labelled[] = [];
  const measured: Measured[] = [];
  for (const [i, { line, answer, error }] of outcomes.entries()) {
    const fail = (why: string) => failures.push(`line ${i + 1}: ${why}`);
    if (!answer) fail(error ?? 'no answer');
    else if (kind === 'regression') {
      const number = numberOf(answer, names);
      if (number && typeof line.expected === 'number')
        measured.push({ ...number, expected: line.expected, reference: line.reference });
      else fail(number ? 'a number must be expected' : 'the answer has no number: --output');
    } else {
      const actual = textOf(answer, names);
      if (actual === undefined) fail('the answer has no label or text: --output');
      else labelled.push({ expected: expectedText(line), actual });
    }
  }
  const answered = outcomes.filter(({ answer }) => answer !== undefined).map(({ latencyMs }) => latencyMs);
  const metrics: Metrics = { failed_part: failures.length / outcomes.length };
  if (answered.length > 0) {
    Object.assign(metrics, {
      p50_latency_ms: rounded(quantile(answered, 0.5)),
      p99_latency_ms: rounded(quantile(answered, 0.99)),
    });
  }
  if (labelled.length > 0)
    Object.assign(metrics, kind === 'text' ? text(labelled) : classification(labelled));
  if (measured.length > 0) Object.assign(metrics, regression(measured));
  return { metrics, failed: failures.length, failures: failures.slice(0, SHOWN_FAILURES) };
}

/** Quality and performance from the run, the rest from a person. */
export function rubricOf(
  kind: Kind,
  metrics: Metrics,
  outcomes: readonly Outcome[],
  { safety, cost, objectiveMs }: Scores,
): Rubric {
  const within = outcomes.filter(({ answer, latencyMs }) => answer !== undefined && latencyMs <= objectiveMs);
  const quality = {
    classification: metrics['accuracy'],
    regression: metrics['r2'],
    text: 1 - (metrics['cer'] ?? 1),
  }[kind];
  return {
    quality: Math.min(1, Math.max(0, quality ?? 0)) * (1 - (metrics['failed_part'] ?? 1)),
    safety,
    performance: within.length / outcomes.length,
    cost,
  };
}

export type Subject = Pick<EvaluationReport, 'model' | 'version' | 'digest' | 'task' | 'kind'>;

export function reportOf(
  subject: Subject,
  golden: GoldenSet & { file: string },
  run: ReturnType<typeof measure> & { samples: number; rubric?: Rubric; startedAt: Date; endedAt: Date },
): EvaluationReport {
  const { metrics, failed, failures, samples, rubric, startedAt, endedAt } = run;
  return {
    schema: 'frontier.evaluation/v1',
    passed: failed < samples,
    ...subject,
    samples,
    failed,
    failures,
    goldenSet: { file: golden.file, sha256: golden.sha256 },
    metrics,
    ...(rubric && { rubric }),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
  };
}

function rounded(ms: number): number {
  return Math.round(1_000 * ms) / 1_000;
}
