import { mean, most, NS, quantile, rate } from './queries.mjs';

export const queues = {
  id: 'queues',
  title: 'Queues and batches',
  description: 'What waits, how long, in which batches it leaves, and what is refused.',
  rows: [
    {
      title: 'Queues',
      panels: [
        {
          title: 'Requests outstanding',
          queries: [[`sum by (priority, pool) (frontier:queue_depth{${NS}})`, '{{priority}} on {{pool}}']],
        },
        {
          title: 'Outstanding by model',
          queries: [
            [most('outstanding_requests', 'model, version, pool'), '{{model}} {{version}} on {{pool}}'],
          ],
        },
        {
          title: 'Wait for a dispatcher, p95',
          unit: 's',
          queries: [
            [`max by (priority) (frontier:queue_wait_seconds:p95_5m{${NS}})`, '{{priority}}'],
            ['frontier:objective_vip_wait_seconds', 'objective of vip'],
          ],
        },
        {
          title: 'Predicted wait',
          unit: 's',
          queries: [[most('predicted_wait_seconds', 'priority, pool'), '{{priority}} on {{pool}}']],
        },
        {
          title: 'Requests for which no worker has the model',
          queries: [[`sum by (priority, pool) (frontier:queue_parked{${NS}})`, '{{priority}} on {{pool}}']],
        },
        {
          title: 'Refused before the queue',
          unit: 'reqps',
          queries: [[rate('admission_refused_total', 'priority, reason'), '{{priority}}: {{reason}}']],
        },
        {
          title: 'Ends',
          unit: 'reqps',
          queries: [[rate('requests_settled_total', 'priority, status'), '{{priority}}: {{status}}']],
        },
        {
          title: 'Requests in one queue job, mean',
          queries: [[mean('queue_bundle_size', 'namespace'), 'requests {{namespace}}']],
        },
      ],
    },
    {
      title: 'Batches',
      panels: [
        {
          title: 'Requests in one execution, mean',
          queries: [[mean('batch_size', 'model, priority'), '{{model}}: {{priority}}']],
        },
        {
          title: 'Rows in one execution, p95',
          queries: [[quantile(0.95, 'batch_rows', 'model'), '{{model}}']],
        },
        {
          title: 'Why batches leave',
          unit: 'ops',
          queries: [[rate('batch_flush_total', 'reason'), '{{reason}}']],
        },
        {
          title: 'Time to form a batch, p95',
          unit: 's',
          queries: [[quantile(0.95, 'batch_forming_seconds', 'priority'), '{{priority}}']],
        },
        {
          title: 'Rows computed for nobody',
          description: 'Idle slots of decode steps.',
          queries: [[rate('worker_padding_rows_total', 'model, version'), '{{model}} {{version}}']],
        },
        {
          title: 'Again: requeued and retried',
          unit: 'ops',
          queries: [
            [rate('requeue_total', 'model, reason'), 'requeued {{model}}: {{reason}}'],
            [rate('retries_total', 'model'), 'retried {{model}}'],
          ],
        },
        {
          title: 'Ends that came too late',
          unit: 'ops',
          queries: [[rate('commit_refused_total', 'namespace'), 'refused {{namespace}}']],
        },
        {
          title: 'Replies that were late',
          unit: 'ops',
          queries: [[rate('reply_overdue_polls_total', 'found'), 'found there: {{found}}']],
        },
      ],
    },
  ],
};
