import { SingleTenantResolver } from '@frontier/contracts/tenant';
import type { Tensor } from '@frontier/contracts/tensor';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { Registry } from 'prom-client';
import { shape, type Config } from '../config.ts';
import { Gateway } from '../service.ts';
import { FakeQueue, type Execution } from './fake-queue.ts';
import { FakeRelay } from './fake-relay.ts';
import { FakeTraffic } from './fake-traffic.ts';
import { testCatalogue } from './models.ts';

export interface Harness {
  gateway: Gateway;
  queue: FakeQueue;
  relay: FakeRelay;
  traffic: FakeTraffic;
  registry: Registry;
  /** `http://127.0.0.1:<port>`. */
  url: string;
  /** `127.0.0.1:<port>` of gRPC. */
  grpc: string;
  stop(): Promise<void>;
}

/** A gateway on real sockets in front of a queue in memory, which runs `simple` and leaves all else to the test. */
export async function startGateway(overrides: Partial<Config> = {}): Promise<Harness> {
  const env = { HOST: '127.0.0.1', HTTP_PORT: '0', GRPC_PORT: '0', DRAIN_MS: '2000', NOTICE_MS: '0' };
  const defaults = parseEnv(shape, env);
  const config: Config = { ...defaults, ...overrides };
  const queue = new FakeQueue((_request, inputs) => addAndSubtract(inputs));
  const relay = new FakeRelay();
  const registry = new Registry();
  const log = createLogger({ service: 'gateway', level: 'silent' });
  const tenants = new SingleTenantResolver(config.defaultTenant);
  const traffic = new FakeTraffic((record) => gateway.trafficChanged(record));
  const gateway = new Gateway(config, { queue, relay, tenants, catalogue: testCatalogue, traffic, log, registry }); // prettier-ignore
  await gateway.start();
  const stop = async () => {
    await gateway.stop();
    queue.stop();
  };
  const { http, grpc } = gateway.ports;
  return {
    gateway,
    queue,
    relay,
    traffic,
    registry,
    url: `http://127.0.0.1:${http}`,
    grpc: `127.0.0.1:${grpc}`,
    stop,
  };
}

function addAndSubtract(inputs: Tensor[]): Execution {
  const [a, b] = inputs.map(({ data }) => new Int32Array(new Uint8Array(data).buffer));
  if (!a || !b) return {};
  const tensor = (name: string, values: Int32Array): Tensor => ({
    name,
    dtype: 'INT32',
    shape: inputs[0]?.shape ?? [],
    data: new Uint8Array(values.buffer),
  });
  return {
    outputs: [
      tensor(
        'OUTPUT0',
        a.map((value, i) => value + (b[i] ?? 0)),
      ),
      tensor(
        'OUTPUT1',
        a.map((value, i) => value - (b[i] ?? 0)),
      ),
    ],
    outcome: { timing: { queue: 0.1, forming: 0.1, transport: 0.1, compute: 0.1 } },
  };
}
