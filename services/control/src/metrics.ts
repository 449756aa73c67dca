import { latencyBuckets } from '@frontier/kit/metrics';
import { Counter, Histogram, type Registry } from 'prom-client';

/** What the control service tells Prometheus. */
export interface ControlMetrics {
  requests: Counter<'route' | 'method' | 'code'>;
  seconds: Histogram<'route' | 'method'>;
}

export function controlMetrics(registry: Registry): ControlMetrics {
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
  };
}
