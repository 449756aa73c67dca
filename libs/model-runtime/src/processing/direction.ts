import { z } from 'zod';
import { floatsOf, floatTensor, intTensor, put, take } from './tensors.ts';
import type { Postprocessor } from './types.ts';

const optionsSchema = z.strictObject({
  use: z.string(),
  /** FP32 [rows, 2]: probabilities of upright and upside down. */
  input: z.string(),
  /** INT32 [rows]. */
  label: z.string(),
  /** FP32 [rows]: the probability of the label. */
  confidence: z.string(),
  /** A row is upside down from this probability on. Most text is upright: a doubtful turn does more harm. */
  threshold: z.number().min(0).max(1),
});

/** 1 for the rows that are upside down, 0 for the others. */
export const direction: Postprocessor = (raw) => {
  const options = optionsSchema.parse(raw);
  return (batch) => {
    const probabilities = floatsOf(take(batch, options.input));
    const rows = probabilities.length / 2;
    const labels = new Int32Array(rows);
    const confidences = new Float32Array(rows);
    for (let row = 0; row < rows; row++) {
      const label = (probabilities[row * 2 + 1] ?? 0) >= options.threshold ? 1 : 0;
      labels[row] = label;
      confidences[row] = probabilities[row * 2 + label] ?? 0;
    }
    put(batch, intTensor(options.label, [rows], labels));
    put(batch, floatTensor(options.confidence, [rows], confidences));
  };
};
