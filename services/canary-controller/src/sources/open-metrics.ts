import { MetricsFault } from '@frontier/contracts/rollout';
import type { Sample } from './samples.ts';

/** Bounds what one page may make us hold. */
const MAX_SAMPLES = 100_000;
/** name, labels in braces, value; what follows (a timestamp, an exemplar) does not count. */
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/**
 * The samples of a page in the OpenMetrics or the Prometheus text format that `wanted` names.
 * Throws MetricsFault `malformed`.
 */
export function parseMetrics(text: string, wanted: ReadonlySet<string>): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const end = line.search(/[{ ]/);
    if (end === -1 || !wanted.has(line.slice(0, end))) continue;
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new MetricsFault('malformed', `not a sample: ${line.slice(0, 100)}`);
    }
    if (samples.length === MAX_SAMPLES) {
      throw new MetricsFault('malformed', `a page of more than ${MAX_SAMPLES} samples`);
    }
    samples.push({ name, labels: labelsOf(labels), value: numberOf(value) });
  }
  return samples;
}

function labelsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(LABEL)].map(([, name, value]) => [name, unescape(value as string)]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
}

function numberOf(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}
