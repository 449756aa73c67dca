// The time series of a board as one picture: our own renderer, for where no Grafana is.
import { chart } from '../chaos/svg.mjs';
import { askable } from './live-answers.mjs';

const MAX_SERIES = 8;
const STEP_S = 5;

/** `dashboard`: Grafana's JSON. Panels without data are left out. */
export async function picture(asked, dashboard, seconds) {
  const panels = [];
  for (const { type, title, targets = [], fieldConfig } of dashboard.panels) {
    if (type !== 'timeseries') continue;
    const series = [];
    for (const { expr, legendFormat } of targets) {
      for (const [labels, points] of await asked.range(askable(expr), seconds, STEP_S))
        series.push({ name: nameOf(legendFormat, labels), points });
    }
    const shown = series.filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
    const unit = fieldConfig.defaults.unit;
    if (shown.length > 0) panels.push({ title: `${title} (${unit})`, series: shown.slice(0, MAX_SERIES).map(finite) }); // prettier-ignore
  }
  return chart({ title: `${dashboard.title}, ${seconds} s of load`, seconds, panels });
}

const finite = ({ name, points }) => ({ name, points: points.filter(([, value]) => Number.isFinite(value)) });

function nameOf(legend, labels) {
  return legend.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '').trim() || 'value';
}
