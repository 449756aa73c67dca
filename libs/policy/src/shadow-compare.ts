import { bytesElements, type Tensor } from '@frontier/contracts/tensor';

/** How far the answer of a candidate may be from that of stable and still be the same. */
export interface Tolerance {
  /** Of a number: |difference| ≤ `absolute` + `relative` · |stable's|. */
  absolute: number;
  relative: number;
  /** Of a text: edits by the length of the longer one. */
  edits: number;
  /** Of a row of scores: their largest must be at the same place, whatever the scores are. */
  argmax: boolean;
}

const SAME_NUMBERS = { absolute: 1e-3, relative: 1e-2 };
const STRICT: Tolerance = { ...SAME_NUMBERS, edits: 0, argmax: false };
/** By the last word of a task; others are held to the same numbers and texts. */
const BY_TASK: Readonly<Record<string, Tolerance>> = {
  classification: { ...STRICT, argmax: true },
  detection: { absolute: 0.05, relative: 0.05, edits: 0.1, argmax: false },
  recognition: { ...STRICT, edits: 0.1 },
  ocr: { ...STRICT, edits: 0.1 },
  generation: { ...STRICT, edits: 0.3 },
};

export function toleranceOf(task: string): Tolerance {
  return BY_TASK[task.split('-').at(-1) ?? ''] ?? STRICT;
}

export interface Comparison {
  same: boolean;
  /**
   * 0: equal, 1: nothing in common. Rows whose largest score is elsewhere, edits by length, or for other numbers the
   * largest difference by stable's number; the largest of all outputs.
   */
  difference: number;
}

const NOTHING_IN_COMMON: Comparison = { same: false, difference: 1 };

/** Compares what two versions answered to one call. */
export function compareOutputs(
  stable: readonly Tensor[],
  candidate: readonly Tensor[],
  tolerance: Tolerance,
): Comparison {
  if (stable.length !== candidate.length) return NOTHING_IN_COMMON;
  let same = true;
  let difference = 0;
  for (const one of stable) {
    const other = candidate.find(({ name }) => name === one.name);
    const compared = other ? compareTensors(one, other, tolerance) : NOTHING_IN_COMMON;
    same &&= compared.same;
    difference = Math.max(difference, compared.difference);
  }
  return { same, difference };
}

function compareTensors(one: Tensor, other: Tensor, tolerance: Tolerance): Comparison {
  const isText = one.dtype === 'BYTES';
  if (isText !== (other.dtype === 'BYTES')) return NOTHING_IN_COMMON;
  if (isText) return compareTexts(one, other, tolerance);
  if (one.shape.join() !== other.shape.join()) return NOTHING_IN_COMMON;
  const [a, b] = [numbersIn(one), numbersIn(other)];
  const columns = one.shape.at(-1) ?? 1;
  return tolerance.argmax && columns > 1 ? compareRows(a, b, columns) : compareNumbers(a, b, tolerance);
}

function compareTexts(one: Tensor, other: Tensor, { edits }: Tolerance): Comparison {
  const [a, b] = [one, other].map((tensor) => bytesElements(tensor).map((bytes) => decoder.decode(bytes)));
  if (!a || !b || a.length !== b.length) return NOTHING_IN_COMMON;
  const difference = Math.max(0, ...a.map((text, i) => editsPart(text, b[i] as string)));
  return { same: difference <= edits, difference };
}

function compareRows(a: Numbers, b: Numbers, columns: number): Comparison {
  let elsewhere = 0;
  for (let at = 0; at < a.length; at += columns) {
    if (largestAt(a, at, columns) !== largestAt(b, at, columns)) elsewhere += 1;
  }
  return { same: elsewhere === 0, difference: a.length === 0 ? 0 : (elsewhere * columns) / a.length };
}

function largestAt(numbers: Numbers, start: number, columns: number): number {
  let best = start;
  for (let at = start + 1; at < start + columns; at++) {
    if ((numbers[at] as number) > (numbers[best] as number)) best = at;
  }
  return best - start;
}

function compareNumbers(a: Numbers, b: Numbers, { absolute, relative }: Tolerance): Comparison {
  let same = true;
  let difference = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    if (Object.is(x, y)) continue;
    const apart = Math.abs(x - y);
    // Also false for what is no number on one side.
    same &&= apart <= absolute + relative * Math.abs(x);
    const part = apart / Math.max(Math.abs(x), absolute);
    difference = Math.max(difference, Number.isNaN(part) ? 1 : Math.min(part, 1));
  }
  return { same, difference };
}

const decoder = new TextDecoder();
/** Longer texts are compared by their beginnings: the work grows with the product of the lengths. */
const MAX_CHARS = 512;

/** Levenshtein's distance by the length of the longer text, of which at most the beginning is looked at. */
function editsPart(one: string, other: string): number {
  if (one === other) return 0;
  const [a, b] = [one.slice(0, MAX_CHARS), other.slice(0, MAX_CHARS)];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] as number) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  // What is not looked at counts by its length alone.
  const beyond = Math.abs(Math.max(one.length - MAX_CHARS, 0) - Math.max(other.length - MAX_CHARS, 0));
  return ((row[b.length] as number) + beyond) / Math.max(one.length, other.length);
}

type Numbers = ArrayLike<number | bigint>;

function numbersIn({ dtype, data }: Tensor): Numbers {
  // A copy, since a view needs its alignment. Not `slice`, which of a Buffer is a view of its pool.
  const { buffer } = new Uint8Array(data);
  switch (dtype) {
    case 'FP32':
      return new Float32Array(buffer);
    case 'FP64':
      return new Float64Array(buffer);
    case 'INT8':
      return new Int8Array(buffer);
    case 'INT16':
      return new Int16Array(buffer);
    case 'INT32':
      return new Int32Array(buffer);
    case 'INT64':
      return new BigInt64Array(buffer);
    case 'UINT16':
      return new Uint16Array(buffer);
    case 'UINT32':
      return new Uint32Array(buffer);
    case 'UINT64':
      return new BigUint64Array(buffer);
    case 'FP16':
      return halves(new Uint16Array(buffer));
    default:
      return new Uint8Array(buffer);
  }
}

/** IEEE 754 binary16. */
function halves(bits: Uint16Array): Float64Array {
  return Float64Array.from(bits, (half) => {
    const sign = half >>> 15 === 1 ? -1 : 1;
    const exponent = (half >>> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
