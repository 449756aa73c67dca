import { withTimeout } from '@frontier/kit/abort';
import { latencyBuckets } from '@frontier/kit/metrics';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the control service tells Prometheus. */
export interface ControlMetrics {
  requests: Counter<'route' | 'method' | 'code'>;
  seconds: Histogram<'route' | 'method'>;
  databaseUp: Gauge;
}

/** Longer than a connection may take, shorter than Prometheus waits. */
const DATABASE_MS = 3_000;

/** `askDatabase` is called whenever Prometheus asks; whether it resolves is what it is told. */
export function controlMetrics(registry: Registry, askDatabase: () => Promise<unknown>): ControlMetrics {
  return {
    requests: new Counter({
      name: 'control_requests_total',
      help: 'Requests of the admin API by route, method and status',
      labelNames: ['route', 'method', 'code'],
      registers: [registry],
    }),
    seconds: new Histogram({
      name: 'control_request_seconds',
      help: 'From the head of a request of the admin API to the end of its answer',
      labelNames: ['route', 'method'],
      buckets: latencyBuckets,
      registers: [registry],
    }),
    databaseUp: new Gauge({
      name: 'database_up',
      help: '1 while the database answers, 0 while it does not within 3 s',
      registers: [registry],
      async collect() {
        const answer = withTimeout(askDatabase(), DATABASE_MS, new Error('the database says nothing'));
        this.set(await answer.then(() => 1, () => 0)); // prettier-ignore
      },
    }),
  };
}
