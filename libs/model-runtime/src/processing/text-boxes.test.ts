import { findBoxes } from './text-boxes.ts';

const OPTIONS = { threshold: 0.3, boxThreshold: 0.6, unclipRatio: 1.8, maxBoxes: 10 };
const WIDTH = 100;
const HEIGHT = 80;

/** Rectangles [x, y, width, height, probability] on nothing. */
function mapWith(...blocks: [number, number, number, number, number][]): Parameters<typeof findBoxes>[0] {
  const values = new Float32Array(WIDTH * HEIGHT);
  for (const [left, top, width, height, p] of blocks) {
    for (let y = top; y < top + height; y++) values.fill(p, y * WIDTH + left, y * WIDTH + left + width);
  }
  return { values, width: WIDTH, height: HEIGHT };
}

test('a block becomes a box around it, grown, with its probability', () => {
  const [box, ...more] = findBoxes(mapWith([20, 30, 40, 8, 0.9]), OPTIONS);
  expect(more).toEqual([]);
  // 40 x 8 x 1.8 / 96 = 6 on every side.
  expect(box?.rectangle).toMatchObject({ cx: 40, cy: 34, width: 52, height: 20, ux: 1 });
  expect(box?.score).toBeCloseTo(0.9, 6);
});

test('specks and faint boxes are left out', () => {
  expect(findBoxes(mapWith([20, 30, 40, 2, 0.9], [20, 50, 40, 8, 0.5]), OPTIONS)).toEqual([]);
});

test('boxes come in reading order; of too many the best stay', () => {
  const map = mapWith([60, 11, 30, 6, 0.9], [5, 10, 30, 6, 0.7], [5, 40, 30, 6, 0.8]);
  const scores = (maxBoxes: number): number[] =>
    findBoxes(map, { ...OPTIONS, maxBoxes }).map(({ score }) => Math.round(score * 10) / 10);
  expect(scores(10)).toEqual([0.7, 0.9, 0.8]);
  expect(scores(2)).toEqual([0.9, 0.8]);
});
