import { most, NS, quantile, rate } from './queries.mjs';

const M = ',model=~"$model"';
const errors = (variant) =>
  `${rate('canary_errors_total', 'model', `${M},variant="${variant}"`)} / ${rate('canary_requests_total', 'model', `${M},variant="${variant}"`)}`;
const p95 = (variant) => most('canary_p95_seconds', 'model', `${M},variant="${variant}"`);

export const canary = {
  id: 'canary',
  title: 'Canary',
  description: 'Rollouts: control and canary side by side, the difference, and the evidence that decides.',
  variables: { model: 'canary_share' },
  rows: [
    {
      title: 'Rollouts',
      panels: [
        {
          title: 'Share of the traffic',
          unit: 'percentunit',
          queries: [[most('canary_share', 'model', M), '{{model}}']],
        },
        {
          title: 'Decisions',
          unit: 'ops',
          queries: [[rate('canary_decisions_total', 'model, verdict', M), '{{model}}: {{verdict}}']],
        },
        {
          title: 'Alarms, drifted features',
          queries: [
            [most('canary_alarms', 'model', M), 'alarms of {{model}}'],
            [most('canary_drift_alarms', 'model', M), 'drifted features of {{model}}'],
          ],
        },
        {
          title: 'Controllers that lead',
          description: 'One, of all that run.',
          queries: [[`sum by (namespace) (canary_controller_leading{${NS}})`, 'leading {{namespace}}']],
        },
      ],
    },
    {
      title: 'Side by side',
      panels: [
        { title: 'Control: p95', unit: 's', queries: [[p95('control'), '{{model}}']] },
        { title: 'Canary: p95', unit: 's', queries: [[p95('canary'), '{{model}}']] },
        { title: 'Control: errors', unit: 'percentunit', queries: [[errors('control'), '{{model}}']] },
        { title: 'Canary: errors', unit: 'percentunit', queries: [[errors('canary'), '{{model}}']] },
        {
          title: 'Control: requests',
          unit: 'reqps',
          queries: [
            [
              rate('canary_requests_total', 'model, version', `${M},variant="control"`),
              '{{model}} {{version}}',
            ],
          ],
        },
        {
          title: 'Canary: requests',
          unit: 'reqps',
          queries: [
            [
              rate('canary_requests_total', 'model, version', `${M},variant="canary"`),
              '{{model}} {{version}}',
            ],
          ],
        },
      ],
    },
    {
      title: 'Difference and evidence',
      panels: [
        {
          title: 'p95: canary less control',
          unit: 's',
          queries: [[`${p95('canary')} - ${p95('control')}`, '{{model}}']],
        },
        {
          title: 'Errors: canary less control',
          unit: 'percentunit',
          queries: [[`${errors('canary')} - ${errors('control')}`, '{{model}}']],
        },
        {
          title: 'Evidence against the canary',
          description: 'e-values: at 400 and a material difference it is taken back.',
          queries: [[most('canary_evidence', 'model, family', M), '{{model}}: {{family}}']],
        },
        {
          title: 'Evidence that it is not worse',
          description: 'e-values: 20 is needed for a promotion.',
          queries: [[most('canary_evidence_not_worse', 'model, family', M), '{{model}}: {{family}}']],
        },
      ],
    },
    {
      title: 'Control loop',
      panels: [
        {
          title: 'Until every gateway obeys, p95',
          unit: 's',
          queries: [[quantile(0.95, 'canary_traffic_confirm_seconds', []), 'p95']],
        },
        {
          title: 'Scrapes that gave nothing',
          unit: 'ops',
          queries: [[rate('canary_scrape_faults_total', 'model, reason', M), '{{model}}: {{reason}}']],
        },
        {
          title: 'Attempts that failed',
          unit: 'ops',
          queries: [[rate('canary_effect_failures_total', 'model, effect', M), '{{model}}: {{effect}}']],
        },
        {
          title: 'Calls whose version a gateway did not have',
          unit: 'ops',
          queries: [[rate('canary_unroutable_total', 'model, version', M), '{{model}} {{version}}']],
        },
        {
          title: 'Drift: stability index by feature',
          queries: [[most('drift_psi', 'model, version, feature'), '{{model}} {{version}}: {{feature}}']],
        },
        {
          title: 'Mirrored calls',
          unit: 'ops',
          queries: [
            [rate('shadow_requests_total', 'model, version, result'), '{{model}} {{version}}: {{result}}'],
          ],
        },
      ],
    },
  ],
};
