import { most, NS, quantile, rate, total } from './queries.mjs';

const overObjective = `max by (model, pool) (frontier:inference_latency_seconds:p95_5m{${NS}} / on (namespace, model, pool) frontier:inference_latency_seconds:objective{${NS}})`;

export const overview = {
  id: 'overview',
  title: 'Overview',
  description: 'Is Frontier well: traffic, errors, latency, queues and the parts that run.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Requests a second',
          unit: 'reqps',
          queries: [[`sum(frontier:requests:rate5m{${NS}})`]],
        },
        {
          kind: 'stat',
          title: 'Server errors',
          unit: 'percentunit',
          queries: [[`max(frontier:errors:ratio_rate5m{${NS}})`]],
        },
        {
          kind: 'stat',
          title: 'Error budget left',
          unit: 'percentunit',
          queries: [[`min(frontier:error_budget:left30d{${NS}})`]],
        },
        {
          kind: 'stat',
          title: 'Workers',
          queries: [[`sum(${most('dispatcher_workers', 'namespace, pool')})`]],
        },
        { kind: 'stat', title: 'Dead letters', queries: [[`sum(frontier:dlq_size{${NS}})`]] },
        {
          kind: 'stat',
          title: 'Alerts',
          description: 'That fire now, the watchdog left out.',
          queries: [
            [
              `count(ALERTS{alertname=~"Frontier.+",alertname!="FrontierWatchdog",alertstate="firing",${NS}}) or vector(0)`,
            ],
          ],
        },
      ],
    },
    {
      title: 'What callers see',
      panels: [
        {
          title: 'HTTP requests by status',
          unit: 'reqps',
          queries: [[rate('http_requests_total', 'code'), '{{code}}']],
        },
        {
          title: 'gRPC calls by status',
          unit: 'reqps',
          queries: [[rate('grpc_requests_total', 'code'), '{{code}}']],
        },
        {
          title: 'p95 by model',
          unit: 's',
          queries: [
            [
              `max by (model, pool) (frontier:inference_latency_seconds:p95_5m{${NS}})`,
              '{{model}} on {{pool}}',
            ],
          ],
        },
        {
          title: 'p95 as part of its objective',
          description: 'Over 1 the objective is missed, over 2 for 5 minutes there is an alert.',
          unit: 'percentunit',
          queries: [[overObjective, '{{model}} on {{pool}}']],
        },
        {
          title: 'Where the time goes, p95',
          unit: 's',
          queries: [[quantile(0.95, 'request_stage_seconds', 'stage'), '{{stage}}']],
        },
        {
          title: 'Refused before the queue, by reason',
          unit: 'reqps',
          queries: [[rate('admission_refused_total', 'priority, reason'), '{{priority}}: {{reason}}']],
        },
      ],
    },
    {
      title: 'Work',
      panels: [
        {
          title: 'Requests outstanding',
          queries: [[`sum by (priority, pool) (frontier:queue_depth{${NS}})`, '{{priority}} on {{pool}}']],
        },
        {
          title: 'Wait for a dispatcher, p95',
          unit: 's',
          queries: [[`max by (priority) (frontier:queue_wait_seconds:p95_5m{${NS}})`, '{{priority}}']],
        },
        { title: 'Workers connected', queries: [[most('dispatcher_workers', 'pool'), '{{pool}}']] },
        {
          title: 'Workers busy',
          description: 'Share of what may execute at once.',
          unit: 'percentunit',
          queries: [
            [`avg(worker_utilisation{${NS}})`, 'mean'],
            [`max(worker_utilisation{${NS}})`, 'busiest'],
          ],
        },
      ],
    },
    {
      title: 'Parts',
      panels: [
        {
          title: 'Redis: memory of its limit',
          unit: 'percentunit',
          queries: [[most('redis_memory_ratio', 'namespace'), 'redis {{namespace}}']],
        },
        {
          title: 'Redis and database can be reached',
          queries: [
            [most('redis_ready', 'namespace'), 'redis {{namespace}}'],
            [most('database_up', 'namespace'), 'database {{namespace}}'],
          ],
        },
        {
          title: 'CPU',
          unit: 'short',
          description: 'Cores, by service.',
          queries: [[rate('process_cpu_seconds_total', 'service', ',service!=""'), '{{service}}']],
        },
        {
          title: 'Memory',
          unit: 'bytes',
          queries: [[total('process_resident_memory_bytes', 'service', ',service!=""'), '{{service}}']],
        },
        {
          title: 'Event loop delay, p99',
          unit: 's',
          queries: [[`max by (service) (nodejs_eventloop_lag_p99_seconds{${NS}})`, '{{service}}']],
        },
        {
          title: 'Callers that wait, streams that are open',
          queries: [
            [`sum(requests_in_flight{${NS}})`, 'callers'],
            [`sum(streams_open{${NS}})`, 'streams'],
          ],
        },
      ],
    },
  ],
};
