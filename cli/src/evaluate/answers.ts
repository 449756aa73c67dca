import type { GoldenLine } from './golden-set.ts';

/** What the metrics are about. */
export const KINDS = ['classification', 'regression', 'text'] as const;
export type Kind = (typeof KINDS)[number];

/** Names of the outputs to look at; without one the only output, or the usual name. */
export interface OutputNames {
  output?: string | undefined;
  lower?: string | undefined;
  upper?: string | undefined;
}

/** The part of the gateway's answer that an evaluation reads. */
export interface AnswerData {
  version: string;
  output?: unknown;
  outputs?: Record<string, unknown>;
}

/** The kind of metrics for a model's task; undefined: it has to be said. */
export function kindOf(task: string): Kind | undefined {
  if (task.includes('classification')) return 'classification';
  if (task.includes('regression') || task === 'forecasting') return 'regression';
  return ['ocr', 'text-recognition', 'text-generation', 'translation'].includes(task) ? 'text' : undefined;
}

/** The label or text of an answer; undefined: it has none. */
export function textOf(answer: AnswerData, { output }: OutputNames): string | undefined {
  const value = single(chosen(answer, output, 'label'));
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? linesOf(value) : linesOf([value]);
}

/** The number of an answer and its interval; undefined: it has none. */
export function numberOf(answer: AnswerData, names: OutputNames) {
  const actual = single(chosen(answer, names.output, 'value'));
  if (typeof actual !== 'number') return undefined;
  const [low, high] = [names.lower, names.upper].map((name) => name && single(answer.outputs?.[name]));
  const interval = typeof low === 'number' && typeof high === 'number' ? ([low, high] as const) : undefined;
  return { actual, interval };
}

export function expectedText({ expected }: GoldenLine): string {
  return String(expected);
}

function chosen({ output, outputs = {} }: AnswerData, name: string | undefined, usual: string): unknown {
  if (name !== undefined) return outputs[name];
  if (output !== undefined) return output;
  const values = Object.values(outputs);
  return values.length === 1 ? values[0] : outputs[usual];
}

/** What is in arrays of one: a batch of one row. */
function single(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? single(value[0]) : value;
}

/** Text that was found in lines, as OCR answers. */
function linesOf(values: readonly unknown[]): string | undefined {
  const lines = values.map((value) =>
    typeof value === 'object' && value !== null ? (value as { text?: unknown }).text : value,
  );
  return lines.every((line) => typeof line === 'string') ? lines.join('\n') : undefined;
}
