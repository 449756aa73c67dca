import keySlot from 'cluster-key-slot';
import { Cluster, type ClusterNode, type ClusterOptions, type Redis } from 'ioredis';

type Options = ClusterOptions & {
  redisOptions: NonNullable<ClusterOptions['redisOptions']> & { replyMapping?: 'legacy' };
};

/**
 * A client of a Redis Cluster that never acts on half a shard. While a slot is being moved, part of its keys is on
 * either master; ioredis would follow `ASK` to the new one, where a script takes keys that are still on their way for
 * keys that do not exist: a lock, a record, an end. So such calls fail until the slot is whole again.
 */
export function strictCluster(nodes: readonly ClusterNode[], options: Options): Cluster {
  const cluster = new Cluster([...nodes], options);
  const handle = cluster.handleError.bind(cluster);
  cluster.handleError = (error, ttl, handlers: { defaults: () => void }) => {
    if (/^(ASK|TRYAGAIN)\b/.test(error.message)) handlers.defaults();
    else handle(error, ttl, handlers);
  };
  // BullMQ duplicates what it is given, for its blocking calls.
  cluster.duplicate = ((others: readonly ClusterNode[] = nodes, overrides: Partial<Options> = {}) =>
    strictCluster(others, { ...options, ...overrides })) as typeof cluster.duplicate;
  return cluster;
}

/**
 * The connection to the master that holds `key`, as far as this client knows. It is never reconnected: when it is
 * lost, another one takes its place. Undefined while there is none.
 */
export function masterOf(cluster: Cluster, key: string): Redis | undefined {
  const address = cluster.slots[keySlot(key)]?.[0];
  return cluster.nodes().find(({ options }) => `${options.host}:${options.port}` === address);
}
