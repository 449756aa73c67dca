import {
  convexHull,
  corners,
  minAreaRectangle,
  readingOrder,
  unclip,
  type Point,
  type Rectangle,
} from './geometry.ts';

function turned(degrees: number, width: number, height: number): Rectangle {
  const angle = (degrees * Math.PI) / 180;
  return { cx: 50, cy: 40, ux: Math.cos(angle), uy: Math.sin(angle), width, height };
}

function expectPoints(got: readonly Point[], expected: readonly Point[]): void {
  expect(got).toHaveLength(expected.length);
  got.forEach((point, i) => {
    expect(point.x).toBeCloseTo(expected[i]?.x ?? NaN, 6);
    expect(point.y).toBeCloseTo(expected[i]?.y ?? NaN, 6);
  });
}

test('convexHull leaves out inner points and points on an edge', () => {
  const square = [
    { x: 0, y: 0 },
    { x: 4, y: 0 },
    { x: 4, y: 4 },
    { x: 0, y: 4 },
  ];
  const hull = convexHull([...square, { x: 2, y: 2 }, { x: 2, y: 0 }, { x: 0, y: 3 }]);
  expect(hull).toHaveLength(4);
  expect(hull).toEqual(expect.arrayContaining(square));
});

test('corners begin top left and go clockwise', () => {
  expectPoints(corners(turned(0, 20, 10)), [
    { x: 40, y: 35 },
    { x: 60, y: 35 },
    { x: 60, y: 45 },
    { x: 40, y: 45 },
  ]);
});

test.each([-44, -30, -7, 0, 7, 30, 44])(
  'minAreaRectangle finds a rectangle turned by %d degrees',
  (degrees) => {
    for (const [width, height] of [
      [30, 6],
      [6, 30],
    ] as const) {
      const rectangle = turned(degrees, width, height);
      const found = minAreaRectangle([...corners(rectangle), { x: 50, y: 40 }]);
      expect(found.width).toBeCloseTo(width, 6);
      expect(found.height).toBeCloseTo(height, 6);
      expectPoints(corners(found), corners(rectangle));
    }
  },
);

test('minAreaRectangle of points in one line, and of a single point, has no area', () => {
  const line = minAreaRectangle([
    { x: 1, y: 2 },
    { x: 5, y: 2 },
    { x: 9, y: 2 },
  ]);
  expect(line).toMatchObject({ width: 8, height: 0, cx: 5, cy: 2 });
  expect(minAreaRectangle([{ x: 3, y: 4 }])).toMatchObject({ width: 0, height: 0, cx: 3, cy: 4 });
});

test('unclip moves every side by area x ratio / perimeter and keeps middle and angle', () => {
  const grown = unclip(turned(30, 90, 10), 2);
  // 90 x 10 x 2 / 200 = 9
  expect(grown).toEqual(turned(30, 108, 28));
});

test('readingOrder: lines from top to bottom, within a line from left to right', () => {
  const at = (cx: number, cy: number, height = 20): Rectangle => ({
    cx,
    cy,
    ux: 1,
    uy: 0,
    width: 50,
    height,
  });
  const rectangles = [at(300, 104), at(100, 101), at(200, 140), at(200, 98), at(100, 60)];
  const order = readingOrder(rectangles, (r) => r).map(({ cx, cy }) => [cx, cy]);
  expect(order).toEqual([
    [100, 60],
    [100, 101],
    [200, 98],
    [300, 104],
    [200, 140],
  ]);
});
