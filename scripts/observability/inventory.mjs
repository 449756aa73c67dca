// Which metrics the services export, asked from the registries that their own code fills; needs a build.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../lib/run.mjs';

/** Where `npm run generate` writes it: checks need no build. */
export const INVENTORY = 'scripts/observability/inventory.json';

const require = createRequire(import.meta.url);
const load = (path) => require(join(root, path));

/** prom-client makes these on Linux alone; the inventory is the same everywhere. */
const LINUX_ONLY = new Set([
  'process_open_fds',
  'process_max_fds',
  'process_virtual_memory_bytes',
  'process_heap_bytes',
]);
const NOBODY = () => [];

/** What each service puts into its registry. */
const SERVICES = {
  gateway(registry) {
    load('services/gateway/dist/metrics.js').gatewayMetrics(registry);
    load('services/gateway/dist/traffic/metrics.js').trafficMetrics(registry);
    load('libs/redis/dist/metrics.js').queueMetrics(registry);
    const { DriftSampler } = load('services/gateway/dist/drift.js');
    return new DriftSampler({ registry });
  },
  dispatcher(registry) {
    load('services/dispatcher/dist/metrics.js').dispatcherMetrics(registry);
    load('libs/redis/dist/metrics.js').queueMetrics(registry);
  },
  worker(registry) {
    load('services/worker/dist/metrics.js').workerMetrics(registry, NOBODY, () => 0);
  },
  control(registry) {
    load('services/control/dist/metrics.js').controlMetrics(registry, () => Promise.resolve());
  },
  'canary-controller'(registry) {
    load('services/canary-controller/dist/metrics.js').controllerMetrics(registry);
  },
  backup(registry) {
    const { Keeper } = load('services/control/dist/backup/keeper.js');
    return new Keeper({ backupParts: [] }, { registry });
  },
};

/** `[{name, type, help, labels, services}]`, by name; a counter's name as Prometheus stores it. */
export function inventory() {
  const { createMetrics } = load('libs/kit/dist/metrics.js');
  const found = new Map();
  for (const [service, fill] of Object.entries(SERVICES)) {
    const registry = createMetrics(service);
    fill(registry);
    for (const metric of registry.getMetricsAsArray()) add(found, service, metric);
    registry.clear();
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function add(found, service, metric) {
  const type = metric.type ?? typeOf(metric);
  const name = nameOf(metric.name, type);
  if (LINUX_ONLY.has(name)) return;
  const labels = [...metric.labelNames].sort((one, other) => (one < other ? -1 : 1));
  const known = found.get(name);
  if (!known) return void found.set(name, { name, type, help: metric.help, labels, services: [service] });
  if (known.labels.join() !== labels.join()) {
    throw new Error(
      `${name}: ${service} has labels ${labels.join()}, ${known.services.join()} has ${known.labels.join()}`,
    );
  }
  known.services.push(service);
}

/** Of prom-client's own classes. */
function typeOf(metric) {
  const { Counter, Gauge, Histogram } = require('prom-client');
  const types = [
    [Counter, 'counter'],
    [Gauge, 'gauge'],
    [Histogram, 'histogram'],
  ];
  const type = types.find(([constructor]) => metric instanceof constructor)?.[1];
  if (!type) throw new Error(`${metric.name}: a type that is not known here`);
  return type;
}

/** A registry of the OpenMetrics format takes the suffix off, and puts it on again when it is asked. */
function nameOf(name, type) {
  return type === 'counter' && !name.endsWith('_total') ? `${name}_total` : name;
}
