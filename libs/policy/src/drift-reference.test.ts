import { driftReferenceSchema } from '@frontier/contracts/drift';
import { quantileBins, ReferenceBuilder } from './drift-reference.ts';
import { Seeded } from './testing/seeded.ts';

test('bins have equal weight', () => {
  const values = Array.from({ length: 1600 }, (_, i) => (i * 7) % 1600);
  const { edges, counts } = quantileBins(values, 16) ?? { edges: [], counts: [] };
  expect(edges).toHaveLength(15);
  expect(counts).toEqual(Array.from({ length: 16 }, () => 100));
});

test('few values have a bin each, ties share one, and a constant has none', () => {
  expect(quantileBins([0, 1, 2, 2, 1, 1], 16)).toEqual({ edges: [0, 1], counts: [1, 3, 2] });
  expect(quantileBins([7, 7, 7], 16)).toBeUndefined();
  expect(quantileBins([], 16)).toBeUndefined();
  const tied = quantileBins([...Array.from({ length: 900 }, () => 0), ...Array.from({ length: 100 }, (_, i) => i + 1)], 4); // prettier-ignore
  expect(tied).toEqual({ edges: [0], counts: [900, 100] });
});

test('the reference of many values is made from a sample of them, uniform over the whole time', () => {
  const random = new Seeded(2);
  const builder = new ReferenceBuilder(random.next);
  for (let i = 0; i < 100_000; i += 1) builder.add({ x: i, constant: 1, broken: NaN });
  const reference = builder.build();
  expect(driftReferenceSchema.parse(reference)).toEqual(reference);
  expect(Object.keys(reference.features)).toEqual(['x']);
  const { edges, counts } = reference.features['x'] ?? { edges: [], counts: [] };
  expect(counts.reduce((sum, n) => sum + n, 0)).toBe(10_000);
  edges.forEach((edge, i) => expect(Math.abs(edge / 100_000 - (i + 1) / 16)).toBeLessThan(0.02));
});

test('features are limited', () => {
  const builder = new ReferenceBuilder(() => 0);
  for (const value of [1, 2]) builder.add(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, value]))); // prettier-ignore
  expect(Object.keys(builder.build().features)).toHaveLength(64);
});
