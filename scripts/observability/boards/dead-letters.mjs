import { NS, rate } from './queries.mjs';

export const deadLetters = {
  id: 'dead-letters',
  title: 'Dead letters',
  description: 'Requests that failed for good: how many are kept, which come anew, and what went before.',
  rows: [
    {
      title: 'Dead letters',
      panels: [
        { kind: 'stat', title: 'Kept', queries: [[`sum(frontier:dlq_size{${NS}})`]] },
        {
          title: 'Kept, by queue',
          span: 20,
          queries: [[`sum by (priority, pool) (frontier:dlq_size{${NS}})`, '{{priority}} on {{pool}}']],
        },
        {
          title: 'New, by model and kind',
          unit: 'ops',
          queries: [[rate('dead_letters_total', 'model, kind'), '{{model}}: {{kind}}']],
        },
        {
          title: 'Part of the ends',
          unit: 'percentunit',
          queries: [
            [
              `${rate('dead_letters_total', 'model')} / ${rate('requests_settled_total', 'model')}`,
              '{{model}}',
            ],
          ],
        },
      ],
    },
    {
      title: 'What goes before',
      panels: [
        { title: 'Tried again', unit: 'ops', queries: [[rate('retries_total', 'model'), '{{model}}']] },
        {
          title: 'Run again, by reason',
          unit: 'ops',
          queries: [[rate('requeue_total', 'model, reason'), '{{model}}: {{reason}}']],
        },
        {
          title: 'Failed batches, by error',
          unit: 'ops',
          queries: [[rate('worker_failures_total', 'model, code'), '{{model}}: {{code}}']],
        },
        {
          title: 'Answers that do not fit their batch',
          unit: 'ops',
          queries: [[rate('worker_wrong_answers_total', 'model'), '{{model}}']],
        },
      ],
    },
  ],
};
