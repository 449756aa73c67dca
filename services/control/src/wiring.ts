import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { serveEmbedded } from '@frontier/database/embedded-server';
import { openStores } from '@frontier/database/stores';
import { ConfigError } from '@frontier/kit/config';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import type { Config } from './config.ts';
import { LazyDeadLetters } from './dead-letters.ts';
import { LazyExperiments } from './experiments.ts';
import { localPepper } from './keys/pepper.ts';
import { scannerOf } from './scanner.ts';
import { ControlService } from './service.ts';
import { LazyTraffic } from './traffic.ts';

const DATABASE_WAIT_MS = 60_000;

/** The control service on its real surroundings: the database, which it may carry itself, and Redis for the rest. */
export async function createControl(
  config: Config,
  { log, registry, signal }: ServiceContext,
): Promise<Service> {
  const { databaseUrl, databaseFolder, databasePort, controlKeyPepper } = config;
  if (databaseUrl !== undefined && controlKeyPepper === undefined) {
    throw new ConfigError([
      'CONTROL_KEY_PEPPER: must be set where DATABASE_URL is: all control services share it',
    ]);
  }
  if (databaseUrl === undefined) await mkdir(dirname(databaseFolder), { recursive: true });
  const pepper = controlKeyPepper ?? (await localPepper(databaseFolder));
  const scanner = scannerOf(config);
  const embedded =
    databaseUrl === undefined
      ? await serveEmbedded({ folder: databaseFolder, port: databasePort, log })
      : undefined;
  const stores = await openStores({
    url: databaseUrl ?? embedded?.url,
    log,
    waitMs: DATABASE_WAIT_MS,
    signal,
  });
  const letters = new LazyDeadLetters({
    redisUrl: config.redisUrl,
    pools: config.pools,
    shards: config.shards,
    policies: config.queues,
    replication: { replicas: config.redisReplicas, timeoutMs: config.redisReplicaTimeoutMs },
    keptBytes: config.keptResultBytes,
    log,
  });
  const experiments = new LazyExperiments({ redisUrl: config.redisUrl, log });
  const traffic = new LazyTraffic(config.redisUrl, log);
  const control = new ControlService(config, {
    stores,
    traffic: () => traffic.open(),
    deadLetters: () => letters.open(),
    experiments: () => experiments.open(),
    scanner,
    pepper,
    log,
    registry,
  });
  return {
    start: () => control.start(),
    async stop() {
      await control.stop();
      await letters.stop();
      await traffic.stop();
      await experiments.stop();
      await stores.close();
      await embedded?.close();
    },
    ready: () => control.ready(),
  };
}
