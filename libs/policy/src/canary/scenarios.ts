/** A traffic that is simulated. Latency is lognormal: median 80 ms, σ 0.5. */
export interface Scenario {
  name: string;
  /** Requests a second. */
  rate: number;
  /** Part of the requests that fail. */
  errors: number;
  /** Load that changes the latency of all: standard deviation of its logarithm. */
  drift?: number;
  /** The same for each variant by itself. */
  jitter?: number;
  /** For five minutes everybody has this part of errors. */
  incident?: number;
  /** Errors come in whole batches of so many. */
  batch?: number;
  /** A few users make most of the traffic, each slower or faster and failing more or less than others, always. */
  sticky?: boolean;
  /** What is wrong with the canary; undefined: it is the same as stable. */
  canary?: { slower?: number; someSlower?: { part: number; times: number }; errors?: number };
}

const base = { rate: 100, errors: 0.005 };

/** Canaries that are the same as stable: each rollback is a false one. */
export const NULLS: readonly Scenario[] = [
  { ...base, name: 'independent requests' },
  { ...base, name: 'shared load drift 15 %', drift: 0.15 },
  { ...base, name: 'jitter per variant 4 %', jitter: 0.04 },
  { ...base, name: 'shared 5 % error incident', incident: 0.05 },
  { ...base, name: 'base errors 0.1 %', errors: 0.001 },
  { ...base, name: '20 requests a second', rate: 20 },
  { ...base, name: 'errors in batches of 8', batch: 8 },
  { ...base, name: 'sticky heavy users', sticky: true },
];

/** Canaries that are worse. */
export const REGRESSIONS: readonly Scenario[] = [
  { ...base, name: 'p95 +20 %', canary: { slower: 1.2 } },
  { ...base, name: 'p95 +12 %', canary: { slower: 1.12 } },
  { ...base, name: '4 % of requests 3 × slower', canary: { someSlower: { part: 0.04, times: 3 } } },
  { ...base, name: 'errors 0.5 to 1 %', canary: { errors: 0.01 } },
  { ...base, name: 'errors 0.1 to 0.5 %', errors: 0.001, canary: { errors: 0.005 } },
  { ...base, name: 'errors to 20 %', canary: { errors: 0.2 } },
];
