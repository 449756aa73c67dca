// Line charts as SVG: values over seconds, stacked panels with one axis of time.

const WIDTH = 890;
const PANEL = 190;
const LEFT = 70;
const RIGHT = 180;
const TOP = 46;
const GAP = 46;
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b', '#e377c2'];
const STYLE =
  'text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:15px;font-weight:600}.axis{stroke:#999}.grid{stroke:#e5e5e5}.mark{fill:#f2f2f2}';

/**
 * `{title, seconds, marks: [{from, to, label}], panels: [{title, log, series: [{name, points: [[s, value]]}]}]}`;
 * `marks` are shaded spans of time.
 */
export function chart({ title, seconds, marks = [], panels }) {
  const height = TOP + panels.length * (PANEL + GAP);
  const x = (s) => LEFT + (s / seconds) * (WIDTH - LEFT - RIGHT);
  const body = panels.map((panel, i) => panelSvg(panel, TOP + i * (PANEL + GAP), { x, seconds, marks }));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(title)}">
<style>${STYLE}</style><rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text class="title" x="${LEFT}" y="20">${escape(title)}</text>
${body.join('\n')}
</svg>
`;
}

function panelSvg({ title, series, log = false }, top, { x, seconds, marks }) {
  const bottom = top + PANEL;
  const values = series.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const scale = log ? logScale(values) : linearScale(values);
  const y = (value) => bottom - scale.at(value) * PANEL;
  const shaded = marks.map(
    ({ from, to, label }) =>
      `<rect class="mark" x="${r(x(from))}" y="${top}" width="${r(x(to) - x(from))}" height="${PANEL}"/><text x="${r(x(from) + 4)}" y="${top + 13}">${escape(label)}</text>`,
  );
  const grid = scale.ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${r(y(tick))}" y2="${r(y(tick))}"/><text x="${LEFT - 6}" y="${r(y(tick) + 4)}" text-anchor="end">${label(tick)}</text>`,
  );
  const times = ticksOf(seconds)
    .filter((s) => s <= seconds)
    .map((s) => `<text x="${r(x(s))}" y="${bottom + 16}" text-anchor="middle">${s} s</text>`);
  const lines = series.map(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = points.map(([s, value]) => `${r(x(s))},${r(y(value))}`).join(' ');
    const legend = `<text x="${WIDTH - RIGHT + 10}" y="${top + 14 + i * 17}" style="fill:${colour}">${escape(name)}</text>`;
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>${legend}`;
  });
  return [
    ...shaded,
    ...grid,
    `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${bottom}" y2="${bottom}"/>`,
    ...times,
    ...lines,
    `<text x="${LEFT}" y="${top - 8}">${escape(title)}</text>`,
  ].join('\n');
}

function linearScale(values) {
  const ticks = ticksOf(Math.max(...values, 1e-9));
  const most = ticks.at(-1);
  return { ticks, at: (value) => Math.min(value / most, 1) };
}

function logScale(values) {
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...positive, 1)));
  const high = Math.ceil(Math.log10(Math.max(...positive, 10)));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return { ticks, at: (value) => Math.max(0, (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) };
}

/** From 0 up to the first round value that is not below `most`. */
function ticksOf(most) {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => most / size <= 5);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) =>
    Number((i * step).toPrecision(12)),
  );
}

const r = (value) => Math.round(value * 10) / 10;
const label = (value) => (value >= 10_000 ? `${value / 1_000}k` : `${value}`);
const escape = (text) => `${text}`.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
