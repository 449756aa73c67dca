import { Registry } from 'prom-client';
import { parseEnv } from '@frontier/kit/config';
import type { Service } from '@frontier/kit/lifecycle';
import { createLogger } from '@frontier/kit/logger';
import { freePort, startRedis, type TestRedis } from '@frontier/redis/testing/redis-server';
import { shape as dispatcherShape } from '../../services/dispatcher/src/config.ts';
import { createDispatcher } from '../../services/dispatcher/src/service.ts';
import { shape as gatewayShape } from '../../services/gateway/src/config.ts';
import { createGateway } from '../../services/gateway/src/wiring.ts';
import { shape as workerShape } from '../../services/worker/src/config.ts';
import { WorkerService } from '../../services/worker/src/service.ts';

export interface Stack {
  redis: TestRedis;
  /** `http://127.0.0.1:<port>` of the gateway. */
  http: string;
  /** `127.0.0.1:<port>` of the gateway's gRPC. */
  grpc: string;
  registries: Record<'gateway' | 'dispatcher' | 'worker', Registry>;
  stop(): Promise<void>;
}

/**
 * The whole platform in this process, on a Redis of its own: real models, real sockets, free ports. `settings`: further
 * environment variables of all services.
 */
export async function startStack(models: string, settings: Record<string, string> = {}): Promise<Stack> {
  const redis = await startRedis();
  const [dispatch, http, grpc] = await Promise.all([freePort(), freePort(), freePort()]);
  const registries = { gateway: new Registry(), dispatcher: new Registry(), worker: new Registry() };
  const signal = new AbortController().signal;
  const context = (name: keyof typeof registries) => ({
    log: createLogger({ service: name, level: 'silent' }),
    registry: registries[name],
    signal,
  });
  const env = {
    REDIS_URL: redis.url,
    MODEL_REPOSITORY: 'models',
    MODELS: models,
    HOST: '127.0.0.1',
    DISPATCH_HOST: '127.0.0.1',
    DISPATCH_PORT: String(dispatch),
    DISPATCHERS: `127.0.0.1:${dispatch}`,
    HTTP_PORT: String(http),
    GRPC_PORT: String(grpc),
    ...settings,
  };
  const dispatcher = createDispatcher(parseEnv(dispatcherShape, env), context('dispatcher'));
  const gateway = createGateway(parseEnv(gatewayShape, env), context('gateway'));
  const worker = new WorkerService(parseEnv(workerShape, env), context('worker'));
  const services: Service[] = [gateway, worker, dispatcher];
  for (const service of [dispatcher, worker, gateway]) await service.start();
  return {
    redis,
    http: `http://127.0.0.1:${http}`,
    grpc: `127.0.0.1:${grpc}`,
    registries,
    stop: async () => {
      for (const service of services) await service.stop();
      await redis.stop();
    },
  };
}
