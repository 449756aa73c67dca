import { most, NS, quantile, rate, total } from './queries.mjs';

export const workers = {
  id: 'workers',
  title: 'Workers and GPU',
  description:
    "What workers do and can do. The last two rows need NVIDIA's DCGM exporter and the node exporter.",
  rows: [
    {
      title: 'Workers',
      panels: [
        { title: 'Workers connected', queries: [[most('dispatcher_workers', 'pool'), '{{pool}}']] },
        {
          title: 'Share of WORKER_CONCURRENCY that executes',
          unit: 'percentunit',
          queries: [[`max by (pod, instance) (worker_utilisation{${NS}})`, '{{pod}} {{instance}}']],
        },
        {
          title: 'Batches that workers can take now',
          queries: [[most('worker_credits', 'model, version'), '{{model}} {{version}}']],
        },
        {
          title: 'Batches here, of those that may be',
          unit: 'percentunit',
          queries: [
            [
              `${total('worker_busy', 'model, version, pool')} / ${total('worker_capacity', 'model, version, pool')}`,
              '{{model}} {{version}} on {{pool}}',
            ],
          ],
        },
        {
          title: 'Rows a second',
          queries: [[rate('worker_rows_total', 'model, version, pool'), '{{model}} {{version}} on {{pool}}']],
        },
        {
          title: 'Tokens a second',
          queries: [[rate('worker_tokens_total', 'model, version, kind'), '{{model}} {{version}}: {{kind}}']],
        },
        {
          title: 'Slots of the running batch in use',
          queries: [[total('worker_slots_busy', 'model, version'), '{{model}} {{version}}']],
        },
        {
          title: 'Failed batches and sequences',
          unit: 'ops',
          queries: [
            [rate('worker_failures_total', 'model, version, code'), '{{model}} {{version}}: {{code}}'],
          ],
        },
        {
          title: 'Dispatchers that a worker has',
          queries: [
            [`min(worker_dispatchers{${NS}})`, 'fewest'],
            [`max(worker_dispatchers{${NS}})`, 'most'],
          ],
        },
        {
          title: 'Answers that do not fit, messages about nothing',
          unit: 'ops',
          queries: [
            [rate('worker_wrong_answers_total', 'model'), 'wrong: {{model}}'],
            [rate('worker_messages_ignored_total', 'what'), 'ignored: {{what}}'],
          ],
        },
      ],
    },
    {
      title: 'Models',
      panels: [
        {
          title: 'Memory of loaded versions',
          unit: 'bytes',
          queries: [[`max by (pod, instance) (worker_model_memory_bytes{${NS}})`, '{{pod}} {{instance}}']],
        },
        {
          title: 'Loading one instance, p95',
          unit: 's',
          queries: [[quantile(0.95, 'model_load_seconds', ['model', 'version']), '{{model}} {{version}}']],
        },
        {
          title: 'Loads that failed, threads that died',
          queries: [
            [
              `sum by (model, version) (increase(model_load_failures_total{${NS}}[$__rate_interval]))`,
              'failed {{model}} {{version}}',
            ],
            [
              `sum by (model, version) (increase(model_restarts_total{${NS}}[$__rate_interval]))`,
              'died {{model}} {{version}}',
            ],
          ],
        },
        {
          title: 'Unloaded versions',
          queries: [
            [
              `sum by (model, version) (increase(model_unloads_total{${NS}}[$__rate_interval]))`,
              '{{model}} {{version}}',
            ],
          ],
        },
      ],
    },
    {
      title: 'GPU (DCGM exporter)',
      panels: [
        {
          title: 'GPU busy, %',
          unit: 'percent',
          queries: [['avg by (Hostname, gpu) (DCGM_FI_DEV_GPU_UTIL)', '{{Hostname}} {{gpu}}']],
        },
        {
          title: 'GPU memory in use',
          unit: 'decmbytes',
          queries: [['max by (Hostname, gpu) (DCGM_FI_DEV_FB_USED)', '{{Hostname}} {{gpu}}']],
        },
      ],
    },
    {
      title: 'Nodes (node exporter)',
      panels: [
        {
          title: 'CPU busy',
          unit: 'percentunit',
          queries: [
            [
              '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))',
              '{{instance}}',
            ],
          ],
        },
        {
          title: 'Memory in use',
          unit: 'percentunit',
          queries: [
            [
              '1 - max by (instance) (node_memory_MemAvailable_bytes) / max by (instance) (node_memory_MemTotal_bytes)',
              '{{instance}}',
            ],
          ],
        },
      ],
    },
  ],
};
