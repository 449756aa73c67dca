/**
 * What runs again, each part in a batch of its own, after a batch failed as a whole or its worker was lost: the two
 * halves. Whatever made it fail is alone after log2(items) failures, and its neighbours fail with it at most that often.
 */
export function bisect<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return items.length === 0 ? [] : [[...items]];
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}
