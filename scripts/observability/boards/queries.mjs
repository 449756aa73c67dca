// Pieces of queries that many panels share.

/** The installation that was chosen; outside of Kubernetes there is no such label, which `.*` matches too. */
export const NS = 'namespace=~"$namespace"';

/** Of a counter, a second. */
export const rate = (metric, by, more = '') =>
  `sum by (${by}) (rate(${metric}{${NS}${more}}[$__rate_interval]))`;

/** Of a histogram. */
export const quantile = (q, metric, by, more = '') =>
  `histogram_quantile(${q}, sum by (${['le', ...[by].flat()].filter(Boolean).join(', ')}) (rate(${metric}_bucket{${NS}${more}}[$__rate_interval])))`;

/** Mean of a histogram. */
export const mean = (metric, by, more = '') =>
  `${rate(`${metric}_sum`, by, more)} / ${rate(`${metric}_count`, by, more)}`;

/** What each process tells of the same thing: not the sum. */
export const most = (metric, by, more = '') => `max by (${by}) (${metric}{${NS}${more}})`;

export const total = (metric, by, more = '') => `sum by (${by}) (${metric}{${NS}${more}})`;
