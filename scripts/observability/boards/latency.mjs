import { NS, quantile, rate } from './queries.mjs';

const M = ',model=~"$model"';
const ofModel = (record) => `max by (model, pool) (${record}{${NS}${M}})`;

export const latency = {
  id: 'latency',
  title: 'Latency by model and provider',
  description:
    'How long answers take, by model and pool, and in which stage; which execution providers were not had.',
  variables: { model: 'inference_latency_seconds_count' },
  rows: [
    {
      title: 'Answers',
      panels: [
        {
          title: 'p50',
          unit: 's',
          queries: [[ofModel('frontier:inference_latency_seconds:p50_5m'), '{{model}} on {{pool}}']],
        },
        {
          title: 'p95 and its objective',
          unit: 's',
          queries: [
            [ofModel('frontier:inference_latency_seconds:p95_5m'), '{{model}} on {{pool}}'],
            [ofModel('frontier:inference_latency_seconds:objective'), 'objective of {{model}} on {{pool}}'],
          ],
        },
        {
          title: 'p99',
          unit: 's',
          queries: [[ofModel('frontier:inference_latency_seconds:p99_5m'), '{{model}} on {{pool}}']],
        },
        {
          title: 'Answers a second',
          unit: 'reqps',
          queries: [
            [
              rate('inference_latency_seconds_count', 'model, version, pool', M),
              '{{model}} {{version}} on {{pool}}',
            ],
          ],
        },
      ],
    },
    {
      title: 'Transport',
      panels: [
        {
          title: 'HTTP p95 by route',
          unit: 's',
          queries: [[quantile(0.95, 'http_request_seconds', 'route'), '{{route}}']],
        },
        {
          title: 'gRPC p95 by method',
          unit: 's',
          queries: [[quantile(0.95, 'grpc_request_seconds', 'method'), '{{method}}']],
        },
      ],
    },
    {
      title: 'Stages',
      panels: [
        {
          title: 'Stages, p50',
          unit: 's',
          queries: [[quantile(0.5, 'request_stage_seconds', 'stage'), '{{stage}}']],
        },
        {
          title: 'Stages, p95',
          unit: 's',
          queries: [[quantile(0.95, 'request_stage_seconds', 'stage'), '{{stage}}']],
        },
      ],
    },
    {
      title: 'Workers',
      panels: [
        {
          title: 'Execution of a batch, p95',
          unit: 's',
          queries: [
            [
              quantile(0.95, 'worker_compute_seconds', ['model', 'version', 'pool'], M),
              '{{model}} {{version}} on {{pool}}',
            ],
          ],
        },
        {
          title: 'From receipt of a batch to its answer, p95',
          unit: 's',
          queries: [
            [
              quantile(0.95, 'worker_inference_seconds', ['model', 'version', 'pool'], M),
              '{{model}} {{version}} on {{pool}}',
            ],
          ],
        },
        {
          title: 'First token, p95',
          unit: 's',
          queries: [
            [
              quantile(0.95, 'worker_first_token_seconds', ['model', 'version', 'pool'], M),
              '{{model}} {{version}} on {{pool}}',
            ],
          ],
        },
        {
          title: 'Tokens a second',
          queries: [[rate('tokens_total', 'model, kind', M), '{{model}}: {{kind}}']],
        },
        {
          kind: 'table',
          title: 'Instances without the provider that was preferred',
          description: 'Since the worker started. A model on the GPU pool that fell back to the CPU is slow.',
          span: 24,
          queries: [
            [`sum by (model, version, pool, wanted, got) (execution_provider_fallback_total{${NS}${M}})`],
          ],
        },
      ],
    },
  ],
};
