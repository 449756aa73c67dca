// Inputs for the bare reference, by name of the feed: `(rows) => () => feeds of one run`.
import ort from 'onnxruntime-node';
import { random } from './random.mjs';

function uniform(count, seed = 3) {
  const next = random(seed);
  return Float32Array.from({ length: count }, () => next() * 2 - 1);
}

const constant = (feed) => () => feed;

export const feeds = {
  mlp: (rows) => constant({ x: new ort.Tensor('float32', uniform(rows * 256), [rows, 256]) }),

  'ocr-recognise': (rows) =>
    constant({ x: new ort.Tensor('float32', uniform(rows * 3 * 48 * 320), [rows, 3, 48, 320]) }),

  // From bytes: turning them into planes of floats is most of what this small model's request costs.
  'text-direction': (rows) => {
    const pixels = Uint8Array.from(uniform(rows * 48 * 192 * 3), (value) => (value + 1) * 127);
    const scale = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);
    const plane = 48 * 192;
    return () => {
      const planes = new Float32Array(pixels.length);
      for (let row = 0; row < rows; row++) {
        const at = row * 3 * plane;
        for (let i = 0, from = at; i < plane; i++, from += 3) {
          planes[at + i] = scale[pixels[from]];
          planes[at + plane + i] = scale[pixels[from + 1]];
          planes[at + 2 * plane + i] = scale[pixels[from + 2]];
        }
      }
      return { x: new ort.Tensor('float32', planes, [rows, 3, 48, 192]) };
    };
  },

  // One decode step: one new token of each sequence on top of 64 cached ones.
  'tiny-gpt': (rows) => {
    const feed = {
      input_ids: new ort.Tensor('int64', new BigInt64Array(rows).fill(5n), [rows, 1]),
      lengths: new ort.Tensor('int64', new BigInt64Array(rows).fill(64n), [rows]),
    };
    for (let layer = 0; layer < 5; layer++) {
      for (const part of ['key', 'value']) {
        feed[`past.${layer}.${part}`] = new ort.Tensor('float32', uniform(rows * 6 * 256 * 32), [
          rows,
          6,
          256,
          32,
        ]);
      }
    }
    return constant(feed);
  },
};
