import { queuePoliciesSchema } from '@frontier/contracts/queue';
import { createLogger } from '@frontier/kit/logger';
import { Registry } from 'prom-client';
import { Lanes } from './lanes.ts';
import { dispatcherMetrics } from './metrics.ts';

it('tells that no worker is connected before the first one has come', async () => {
  const registry = new Registry();
  const lanes = new Lanes({
    policies: queuePoliciesSchema.parse({}),
    maxBatchBytes: 1024,
    metrics: dispatcherMetrics(registry),
    log: createLogger({ service: 'test', level: 'silent' }),
    onChange: () => undefined,
    movedTo: () => undefined,
    isKnown: () => true,
  });
  lanes.stop();
  const metrics = await registry.metrics();
  expect(metrics).toContain('dispatcher_workers{pool="cpu"} 0');
  expect(metrics).toContain('dispatcher_workers{pool="gpu"} 0');
});
