import { NS, rate } from './queries.mjs';

const burn = (window) => `max by (namespace) (frontier:errors:ratio_rate${window}{${NS}}) / (1 - scalar(frontier:objective_availability))`; // prettier-ignore

export const errorBudget = {
  id: 'error-budget',
  title: 'Error budget',
  description: 'What is left of 30 days, how fast it burns, and what burns it.',
  rows: [
    {
      title: 'Budget',
      panels: [
        {
          kind: 'stat',
          title: 'Objective',
          unit: 'percentunit',
          queries: [['frontier:objective_availability']],
        },
        {
          kind: 'stat',
          title: 'Left of 30 days',
          unit: 'percentunit',
          queries: [[`min(frontier:error_budget:left30d{${NS}})`]],
        },
        {
          kind: 'stat',
          title: 'Burn over 1 h',
          description: '14.4 or more, over 5 minutes too: page.',
          queries: [[`max(${burn('1h')})`]],
        },
        {
          kind: 'stat',
          title: 'Burn over 6 h',
          description: '6 or more, over 30 minutes too: page.',
          queries: [[`max(${burn('6h')})`]],
        },
        {
          kind: 'stat',
          title: 'Burn over 3 d',
          description: 'Over 1, over 6 hours too: plan.',
          queries: [[`max(${burn('3d')})`]],
        },
        {
          title: 'Left of 30 days',
          unit: 'percentunit',
          queries: [[`frontier:error_budget:left30d{${NS}}`, 'left {{namespace}}']],
        },
        {
          title: 'Burn',
          description: 'As multiples of what 30 days allow.',
          queries: ['5m', '1h', '6h', '3d'].map((window) => [burn(window), `${window} {{namespace}}`]),
        },
      ],
    },
    {
      title: 'What burns it',
      panels: [
        {
          title: 'HTTP errors by route and status',
          unit: 'reqps',
          queries: [[rate('http_requests_total', 'route, code', ',code=~"5.."'), '{{route}}: {{code}}']],
        },
        {
          title: 'gRPC errors by method and status',
          unit: 'reqps',
          queries: [
            [rate('grpc_requests_total', 'method, code', ',code=~"2|4|13|14|15"'), '{{method}}: {{code}}'],
          ],
        },
        {
          title: 'Requests that did not complete, by model',
          unit: 'reqps',
          queries: [
            [
              rate('requests_settled_total', 'model, status', ',status!="completed"'),
              '{{model}}: {{status}}',
            ],
          ],
        },
        {
          title: 'Alerts that fire',
          queries: [
            [
              `sum by (alertname, severity) (ALERTS{alertname=~"Frontier.+",alertname!="FrontierWatchdog",alertstate="firing",${NS}})`,
              '{{alertname}} ({{severity}})',
            ],
          ],
        },
      ],
    },
  ],
};
