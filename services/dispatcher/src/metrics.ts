import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { exponential, latencyBuckets } from '@frontier/kit/metrics';

export interface DispatcherMetrics {
  queueWait: Histogram<'priority'>;
  queueDepth: Gauge<'priority' | 'pool'>;
  parked: Gauge<'priority' | 'pool'>;
  deadLetters: Gauge<'priority' | 'pool'>;
  outstanding: Gauge<'model' | 'version' | 'pool'>;
  predictedWait: Gauge<'priority' | 'pool'>;
  batchSize: Histogram<'priority' | 'model'>;
  batchRows: Histogram<'model'>;
  flushes: Counter<'model' | 'reason'>;
  formingTime: Histogram<'priority'>;
  settled: Counter<'priority' | 'model' | 'status'>;
  refusedCommits: Counter;
  requeued: Counter<'model' | 'reason'>;
  retries: Counter<'model'>;
  died: Counter<'model' | 'kind'>;
  rubbish: Counter<'model'>;
  workers: Gauge<'pool'>;
  credits: Gauge<'model' | 'version'>;
  ignored: Counter<'what'>;
  tokens: Counter<'model'>;
}

export function dispatcherMetrics(registry: Registry): DispatcherMetrics {
  const registers = [registry];
  const sizes = [1, 2, 4, 8, 16, 24, 32, 48, 64, 128, 256];
  return {
    queueWait: new Histogram({ name: 'queue_wait_seconds', help: 'From admission until a dispatcher took the request', labelNames: ['priority'], buckets: exponential(0.0005, 1.5, 24), registers }), // prettier-ignore
    queueDepth: new Gauge({ name: 'queue_depth', help: 'Requests outstanding: waiting or running', labelNames: ['priority', 'pool'], registers }), // prettier-ignore
    parked: new Gauge({ name: 'queue_parked', help: 'Requests of models that no worker serves', labelNames: ['priority', 'pool'], registers }), // prettier-ignore
    deadLetters: new Gauge({ name: 'dlq_size', help: 'Dead letters', labelNames: ['priority', 'pool'], registers }), // prettier-ignore
    outstanding: new Gauge({ name: 'outstanding_requests', help: 'Requests waiting, parked or running, by the version that they were admitted for; the same at every dispatcher', labelNames: ['model', 'version', 'pool'], registers }), // prettier-ignore
    predictedWait: new Gauge({ name: 'predicted_wait_seconds', help: 'How long a request that comes now waits: what is outstanding by the rate at which it is settled; 0: hardly, or not known', labelNames: ['priority', 'pool'], registers }), // prettier-ignore
    batchSize: new Histogram({ name: 'batch_size', help: 'Requests in one model execution', labelNames: ['priority', 'model'], buckets: sizes, registers }), // prettier-ignore
    batchRows: new Histogram({ name: 'batch_rows', help: 'Rows in one model execution', labelNames: ['model'], buckets: sizes, registers }), // prettier-ignore
    flushes: new Counter({ name: 'batch_flush_total', help: 'Batches by why they left: size, idle, window or age', labelNames: ['model', 'reason'], registers }), // prettier-ignore
    formingTime: new Histogram({ name: 'batch_forming_seconds', help: 'From taking a request until its batch left', labelNames: ['priority'], buckets: latencyBuckets, registers }), // prettier-ignore
    settled: new Counter({ name: 'requests_settled_total', help: 'Terminal records written here', labelNames: ['priority', 'model', 'status'], registers }), // prettier-ignore
    refusedCommits: new Counter({ name: 'commit_refused_total', help: 'Ends that came too late: settled, another owner, or an old epoch', registers }), // prettier-ignore
    requeued: new Counter({ name: 'requeue_total', help: 'Items that run again', labelNames: ['model', 'reason'], registers }), // prettier-ignore
    retries: new Counter({ name: 'retries_total', help: 'Requests that are tried again after an error that passes', labelNames: ['model'], registers }), // prettier-ignore
    died: new Counter({ name: 'dead_letters_total', help: 'Requests that became dead letters, by kind of failure', labelNames: ['model', 'kind'], registers }), // prettier-ignore
    rubbish: new Counter({ name: 'worker_wrong_answers_total', help: 'Answers of workers that do not fit their batch', labelNames: ['model'], registers }), // prettier-ignore
    workers: new Gauge({
      name: 'dispatcher_workers',
      help: 'Workers connected',
      labelNames: ['pool'],
      registers,
    }),
    credits: new Gauge({ name: 'worker_credits', help: 'Batches that workers can take now', labelNames: ['model', 'version'], registers }), // prettier-ignore
    ignored: new Counter({ name: 'worker_messages_ignored_total', help: 'Messages of workers about nothing that is under way', labelNames: ['what'], registers }), // prettier-ignore
    tokens: new Counter({
      name: 'tokens_relayed_total',
      help: 'Generated tokens',
      labelNames: ['model'],
      registers,
    }),
  };
}
