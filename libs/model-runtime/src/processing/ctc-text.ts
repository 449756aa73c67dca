import { readFile } from 'node:fs/promises';
import { bytesTensor } from '@frontier/contracts/tensor';
import { resolveFile } from '@frontier/model-store/files';
import { z } from 'zod';
import { floatsOf, floatTensor, put, take } from './tensors.ts';
import type { Postprocessor } from './types.ts';

const optionsSchema = z.strictObject({
  use: z.string(),
  /** FP32 [rows, steps, classes]: probabilities. */
  input: z.string(),
  /** BYTES [rows]. */
  text: z.string(),
  /** FP32 [rows]. */
  confidence: z.string(),
  /** One character a line, for class 1 on. Class 0 is the blank, the last class the space. */
  dictionary: z.strictObject({ file: z.string(), package: z.string().optional() }),
});

/** The text of each row by greedy decoding, and how sure its characters are on average (0 for an empty text). */
export const ctcText: Postprocessor = async (raw, model) => {
  const options = optionsSchema.parse(raw);
  const lines = (await readFile(await resolveFile(model.dir, options.dictionary), 'utf8')).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const characters = ['', ...lines, ' '];
  return (batch) => {
    const tensor = take(batch, options.input);
    const [rows = 0, steps = 0, classes = 0] = tensor.shape;
    if (classes !== characters.length) {
      throw new Error(`dictionary gives ${characters.length} classes, the graph has ${classes}`);
    }
    const probabilities = floatsOf(tensor);
    const texts: Uint8Array[] = [];
    const confidences = new Float32Array(rows);
    for (let row = 0; row < rows; row++) {
      const from = row * steps * classes;
      const decoded = ctcDecode(probabilities.subarray(from, from + steps * classes), characters);
      // The margin of a line reads as a space now and then.
      texts.push(Buffer.from(decoded.text.trim()));
      confidences[row] = decoded.confidence;
    }
    put(batch, bytesTensor(options.text, texts));
    put(batch, floatTensor(options.confidence, [rows], confidences));
  };
};

/** Greedy CTC: the best class of each step, repetitions merged, blanks (class 0) left out. */
export function ctcDecode(
  probabilities: Float32Array,
  characters: readonly string[],
): { text: string; confidence: number } {
  const classes = characters.length;
  let text = '';
  let sum = 0;
  let count = 0;
  let last = 0;
  for (let from = 0; from < probabilities.length; from += classes) {
    const best = bestClass(probabilities, from, classes);
    if (best !== 0 && best !== last) {
      text += characters[best] ?? '';
      sum += probabilities[from + best] ?? 0;
      count++;
    }
    last = best;
  }
  return { text, confidence: count === 0 ? 0 : sum / count };
}

/** Stops at the first probability over one half: none can be greater, and the blank comes first. */
function bestClass(probabilities: Float32Array, from: number, classes: number): number {
  let best = 0;
  let most = -1;
  for (let i = 0; i < classes && most <= 0.5; i++) {
    const p = probabilities[from + i] as number;
    if (p > most) {
      most = p;
      best = i;
    }
  }
  return best;
}
