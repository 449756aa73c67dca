export interface PartLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
}

/**
 * Cuts a request that is too large for one batch: the rows of each part, as even as may be, in order. `splitRows` cuts
 * the inputs by them, `concatRows` joins the outputs. Rows are taken to be of equal size; a row that is larger than
 * `maxBytes` cannot be cut and is a part of its own, which a batcher runs alone.
 */
export function planSplit(rows: number, bytes: number, { maxRows, maxBytes }: PartLimits): number[] {
  if (rows <= 1 || (rows <= maxRows && bytes <= maxBytes)) return [rows];
  const ofBytes = bytes > 0 ? Math.floor((maxBytes * rows) / bytes) : rows;
  const parts = Math.ceil(rows / Math.max(Math.min(maxRows, ofBytes), 1));
  const least = Math.floor(rows / parts);
  const larger = rows % parts;
  return Array.from({ length: parts }, (_, i) => (i < larger ? least + 1 : least));
}
