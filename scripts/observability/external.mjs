// Metrics that boards and rules use and that no service of ours exports: whose they are, and their labels.

export const EXTERNAL = {
  up: { by: 'Prometheus', labels: [] },
  ALERTS: { by: 'Prometheus', labels: ['alertname', 'alertstate', 'severity', 'model', 'priority', 'pool'] },
  DCGM_FI_DEV_GPU_UTIL: { by: 'DCGM exporter', labels: ['Hostname', 'gpu', 'UUID', 'modelName'] },
  DCGM_FI_DEV_FB_USED: { by: 'DCGM exporter', labels: ['Hostname', 'gpu', 'UUID', 'modelName'] },
  node_cpu_seconds_total: { by: 'node exporter', labels: ['cpu', 'mode'] },
  node_memory_MemAvailable_bytes: { by: 'node exporter', labels: [] },
  node_memory_MemTotal_bytes: { by: 'node exporter', labels: [] },
};
