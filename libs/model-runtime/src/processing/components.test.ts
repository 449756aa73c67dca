import { regions, type NumberMap } from './components.ts';

/** `#` is 0.9, anything else 0.1. */
function mapOf(...rows: string[]): NumberMap {
  const values = Float32Array.from(rows.join(''), (c) => (c === '#' ? 0.9 : 0.1));
  return { values, width: rows[0]?.length ?? 0, height: rows.length };
}

function boundsOf(points: readonly { x: number; y: number }[]): number[] {
  const [xs, ys] = [points.map((p) => p.x), points.map((p) => p.y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

test('regions join over sides and corners, not over gaps', () => {
  const map = mapOf(
    '##....#', //
    '..#..##',
    '#......',
  );
  expect(regions(map, 0.3).map(boundsOf)).toEqual([
    [0, 0, 3, 2],
    [5, 0, 7, 2],
    [0, 2, 1, 3],
  ]);
});

test('a ring is one region, and its hole none', () => {
  const map = mapOf(
    '####', //
    '#..#',
    '####',
  );
  expect(regions(map, 0.3).map(boundsOf)).toEqual([[0, 0, 4, 3]]);
});

test('nothing above the threshold gives no region; everything above it one', () => {
  expect(regions(mapOf('...', '...'), 0.3)).toEqual([]);
  expect(regions(mapOf('...', '...'), 0.05).map(boundsOf)).toEqual([[0, 0, 3, 2]]);
});
