// Inputs that no other request of a run has, so that an answer which belongs to somebody else is always noticed.

const WIDTH = 16;

/** The `inputs` of the n-th request of a run with this seed. `simple`: sum and difference of two rows of integers. */
export function inputsOf(model, seed, n, rows) {
  const base = (seed % 1_000) * 1_000_000 + n;
  const make = (width, value) => Array.from({ length: rows }, (_, r) => Array.from({ length: width }, (_, i) => value(r, i))); // prettier-ignore
  if (model !== 'simple') return { x: make(256, (r, i) => ((base + r * 31 + i * 7) % 1_000) / 1_000) };
  return { INPUT0: make(WIDTH, (r, i) => base + r * WIDTH + i), INPUT1: make(WIDTH, (r, i) => (base * 31 + r * 17 + i * 7) % 65_536) }; // prettier-ignore
}

/** Whether these are the outputs of those inputs; of other models than `simple` only that there are as many rows. */
export function isAnswerOf({ INPUT0, INPUT1, x }, outputs) {
  if (x) return outputs?.y?.length === x.length;
  const same = (name, op) =>
    outputs?.[name]?.length === INPUT0.length &&
    INPUT0.every((row, r) => row.every((value, i) => outputs[name][r][i] === op(value, INPUT1[r][i])));
  return same('OUTPUT0', (a, b) => a + b) && same('OUTPUT1', (a, b) => a - b);
}
