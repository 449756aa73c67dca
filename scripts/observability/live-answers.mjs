// What a Prometheus answers to each query of each board, and why some have no answer.
import { EXTERNAL } from './external.mjs';
import { plain } from './promql.mjs';

const QUERY_MS = 10_000;

export class Asked {
  #url;

  constructor(url) {
    this.#url = url;
  }

  /** Throws when Prometheus refuses the query. */
  async series(query) {
    return (await this.#get('query', { query })).result;
  }

  /** `[[name, [[s, value]]]]` of the last seconds. */
  async range(query, seconds, step) {
    const end = Date.now() / 1_000;
    const { result } = await this.#get('query_range', { query, start: end - seconds, end, step });
    return result.map(({ metric, values }) => [metric, values.map(([at, value]) => [at - end + seconds, Number(value)])]); // prettier-ignore
  }

  async alerts() {
    return (await this.#get('alerts', {})).alerts;
  }

  /** Rules that Prometheus could not evaluate, with the reason. */
  async sickRules() {
    const { groups } = await this.#get('rules', {});
    return groups.flatMap(({ rules }) => rules.filter(({ health }) => health !== 'ok').map(({ name, lastError }) => `${name}: ${lastError}`)); // prettier-ignore
  }

  async #get(path, parameters) {
    const answer = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`, { signal: AbortSignal.timeout(QUERY_MS) }); // prettier-ignore
    const { status, error, data } = await answer.json();
    if (status !== 'success') throw new Error(`${error}: ${JSON.stringify(parameters)}`);
    return data;
  }
}

/** As Grafana would ask it with everything chosen. */
export const askable = (query) => plain(query).replaceAll(/\$(namespace|model)\b/g, '.*');

/** `[{board, panel, query, series, why}]`; `why` where there are no series. */
export async function answers(asked, queries) {
  const all = [];
  for (const one of queries) {
    const { length: series } = await asked.series(askable(one.query));
    all.push({ ...one, series, why: series > 0 ? '' : await reason(asked, one.query) });
  }
  return all;
}

/** The first series of the query that nobody has. */
async function reason(asked, query) {
  const names = [...new Set(askable(query).match(/[A-Za-z_:][\w:]*(?=[{[)\s]|$)/g))].filter((name) => name.includes('_') || name.includes(':') || name === 'ALERTS'); // prettier-ignore
  for (const name of names) {
    if (/^(sum|max|min|avg|histogram)_/.test(name) || name.endsWith('_left') || name.endsWith('_quantile'))
      continue;
    if ((await asked.series(`count(${name})`)).length > 0) continue;
    const owner = EXTERNAL[name]?.by;
    if (owner && owner !== 'Prometheus')
      return `${name} is exported by the ${owner}, which does not run here`;
    if (/^(canary|shadow)_/.test(name)) return `no rollout or shadow runs (${name})`;
    return `it has not happened (${name})`;
  }
  return 'no value is right now';
}
