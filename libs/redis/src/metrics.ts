import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the queue side of a process tells Prometheus. */
export interface QueueMetrics {
  bundleSize: Histogram;
  overduePolls: Counter<'found'>;
  refused: Counter<'priority' | 'reason'>;
  redisReady: Gauge;
  memoryRatio: Gauge;
}

export function queueMetrics(registry: Registry): QueueMetrics {
  const registers = [registry];
  return {
    bundleSize: new Histogram({
      name: 'queue_bundle_size',
      help: 'Requests that travelled in one queue job',
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    }),
    overduePolls: new Counter({
      name: 'reply_overdue_polls_total',
      help: 'Records read because no reply had come in time, by whether the end was found there',
      labelNames: ['found'],
      registers,
    }),
    refused: new Counter({
      name: 'admission_refused_total',
      help: 'Requests that were refused before they were queued, by why',
      labelNames: ['priority', 'reason'],
      registers,
    }),
    redisReady: new Gauge({ name: 'redis_ready', help: '1 while Redis can be reached', registers }),
    memoryRatio: new Gauge({
      name: 'redis_memory_ratio',
      help: 'Memory that Redis uses by its maxmemory, of the fullest server; 0: it has no limit',
      registers,
    }),
  };
}
