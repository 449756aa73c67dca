/** Image coordinates: x to the right, y down. */
export interface Point {
  x: number;
  y: number;
}

/**
 * A rectangle turned by the angle of (ux, uy), the unit vector along its width; its height runs along (-uy, ux).
 * `u` points rather right than left, up or down, so that text in it is upright or upside down, unless its lines
 * run vertically: then the height is the longer side.
 */
export interface Rectangle {
  cx: number;
  cy: number;
  ux: number;
  uy: number;
  width: number;
  height: number;
}

/** The convex hull, clockwise as one sees it. */
export function convexHull(points: readonly Point[]): Point[] {
  if (points.length < 3) return [...points];
  const sorted = [...points].sort((a, b) => a.y - b.y || a.x - b.x);
  const right = halfHull(sorted);
  const left = halfHull(sorted.reverse());
  return [...right.slice(0, -1), ...left.slice(0, -1)];
}

function halfHull(points: readonly Point[]): Point[] {
  const hull: Point[] = [];
  for (const p of points) {
    while (hull.length > 1 && turn(hull.at(-2) as Point, hull.at(-1) as Point, p) <= 0) hull.pop();
    hull.push(p);
  }
  return hull;
}

/** Positive: a, b, c turn clockwise as one sees it. */
function turn(a: Point, b: Point, c: Point): number {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/** The smallest rectangle around the points, at whatever angle: one of its sides lies on an edge of their hull. */
export function minAreaRectangle(points: readonly Point[]): Rectangle {
  const hull = convexHull(points);
  let best: Rectangle | undefined;
  hull.forEach((a, i) => {
    const b = hull[(i + 1) % hull.length] as Point;
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    const [ux, uy] = length === 0 ? [1, 0] : rightward((b.x - a.x) / length, (b.y - a.y) / length);
    const candidate = around(hull, ux, uy);
    if (!best || candidate.width * candidate.height < best.width * best.height) best = candidate;
  });
  if (!best) throw new Error('no points');
  return best;
}

/** Of a direction and its three turns by 90 degrees the one that points most to the right. */
function rightward(x: number, y: number): [number, number] {
  if (Math.abs(x) >= Math.abs(y)) return x >= 0 ? [x, y] : [-x, -y];
  return y >= 0 ? [y, -x] : [-y, x];
}

function around(points: readonly Point[], ux: number, uy: number): Rectangle {
  let [minU, maxU, minV, maxV] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of points) {
    const u = x * ux + y * uy;
    const v = y * ux - x * uy;
    minU = Math.min(minU, u);
    maxU = Math.max(maxU, u);
    minV = Math.min(minV, v);
    maxV = Math.max(maxV, v);
  }
  const [u, v] = [(minU + maxU) / 2, (minV + maxV) / 2];
  return { cx: u * ux - v * uy, cy: u * uy + v * ux, ux, uy, width: maxU - minU, height: maxV - minV };
}

/** Top left, top right, bottom right, bottom left, as text in the rectangle has them. */
export function corners({ cx, cy, ux, uy, width, height }: Rectangle): [Point, Point, Point, Point] {
  const corner = (u: number, v: number): Point => ({
    x: cx + (u * width * ux - v * height * uy) / 2,
    y: cy + (u * width * uy + v * height * ux) / 2,
  });
  return [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
}

/**
 * The detector marks a shrunken kernel of a line; this grows it back: every side moves out by
 * area x ratio / perimeter.
 */
export function unclip(rectangle: Rectangle, ratio: number): Rectangle {
  const { width, height } = rectangle;
  const distance = (width * height * ratio) / (2 * (width + height));
  return { ...rectangle, width: width + 2 * distance, height: height + 2 * distance };
}

/**
 * Lines from top to bottom, what stands in one line from left to right. Two rectangles stand in one line when the
 * middle of the lower one is above the bottom of the first of that line.
 */
export function readingOrder<T>(items: readonly T[], rectangleOf: (item: T) => Rectangle): T[] {
  const byTop = [...items].sort((a, b) => rectangleOf(a).cy - rectangleOf(b).cy);
  const lines: T[][] = [];
  let bottom = -Infinity;
  for (const item of byTop) {
    const { cy, height } = rectangleOf(item);
    if (cy < bottom) lines.at(-1)?.push(item);
    else {
      lines.push([item]);
      bottom = cy + height / 2;
    }
  }
  return lines.flatMap((line) => line.sort((a, b) => rectangleOf(a).cx - rectangleOf(b).cx));
}
