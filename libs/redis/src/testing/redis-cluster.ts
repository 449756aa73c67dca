import { Redis } from 'ioredis';
import { startRedis, withFreePort, type TestRedis } from './redis-server.ts';

const SLOTS = 16_384;
const MASTERS = 3;

/** One server of a test's Cluster. */
export interface TestNode extends TestRedis {
  id: string;
  admin: Redis;
}

export interface TestCluster {
  /** In the form that `connect` takes. */
  url: string;
  nodes: TestNode[];
  /** The master that holds a slot, as the first server sees it unless another one is `asked`. */
  masterOf(slot: number, asked?: TestNode): Promise<TestNode>;
  /** Moves a slot to another master, key by key as `redis-cli --cluster reshard` does, while everybody goes on. */
  moveSlot(slot: number, to: TestNode): Promise<void>;
  /** Kills the master of a slot, waits until its replica has taken its place, and starts it again as a replica. */
  failOver(slot: number): Promise<void>;
  stop(): Promise<void>;
}

/** A real Redis Cluster of a test's own: three masters that share the slots evenly, a replica each, on free ports. */
export async function startCluster(): Promise<TestCluster> {
  const nodes = await Promise.all(Array.from({ length: MASTERS * 2 }, startNode));
  await join(nodes.slice(0, MASTERS), nodes.slice(MASTERS));
  const masterOf = async (slot: number, { admin } = nodes[0] as TestNode) => {
    const ranges = await admin.cluster('SLOTS');
    const [, , master] = ranges.find(([first, last]) => first <= slot && slot <= last) ?? [];
    return nodes.find(({ port }) => port === Number(master?.[1])) as TestNode;
  };
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    masterOf,
    moveSlot: async (slot, to) => moveSlot(slot, await masterOf(slot), to, nodes),
    failOver: async (slot) => {
      const failed = await masterOf(slot);
      const witness = nodes.find((node) => node !== failed);
      await failed.kill('SIGKILL');
      while ((await masterOf(slot, witness)) === failed) await pause();
      await failed.restart();
    },
    stop: async () => {
      for (const { admin } of nodes) admin.disconnect();
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function startNode(): Promise<TestNode> {
  // The default, port + 10,000, may be over 65,535.
  const server = await withFreePort((busPort) => {
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-port': String(busPort),
      'cluster-node-timeout': '1000',
      'cluster-allow-replica-migration': 'no',
      'repl-diskless-sync-delay': '0',
    };
    return startRedis(Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]));
  });
  const admin = new Redis(server.url);
  admin.on('error', () => undefined);
  return { ...server, admin, id: await admin.cluster('MYID') };
}

async function join(masters: TestNode[], replicas: TestNode[]): Promise<void> {
  const nodes = [...masters, ...replicas];
  const [first] = masters as [TestNode];
  for (const [i, { admin }] of masters.entries()) {
    const start = (of: number) => Math.round((of * SLOTS) / MASTERS);
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', start(i), start(i + 1) - 1);
    // Each its own, so that the first fail-over needs no agreement about who came first.
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
  }
  for (const { admin, port } of nodes.slice(1)) {
    const [, busPort] = await admin.config('GET', 'cluster-port');
    await first.admin.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort as string);
  }
  await until(nodes, async ({ admin }) => {
    const known = (await admin.cluster('NODES')) as string;
    return !known.includes('handshake') && nodes.every(({ id }) => known.includes(id));
  });
  for (const [i, { admin }] of replicas.entries()) {
    await admin.call('CLUSTER', 'REPLICATE', (masters[i] as TestNode).id);
  }
  await until(nodes, async ({ admin }) => (await admin.cluster('INFO')).includes('cluster_state:ok'));
  await until(masters, async ({ admin }) => (await admin.flushall()) && (await admin.wait(1, 500)) === 1);
  // Whoever asks any server learns of the replicas.
  await until(
    nodes,
    async ({ admin }) => ((await admin.cluster('NODES')) as string).split('slave ').length > MASTERS,
  );
}

async function moveSlot(
  slot: number,
  from: TestNode,
  to: TestNode,
  nodes: readonly TestNode[],
): Promise<void> {
  await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
  await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  for (;;) {
    const keys = (await from.admin.call('CLUSTER', 'GETKEYSINSLOT', slot, 10)) as string[];
    if (keys.length === 0) break;
    await from.admin.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
  }
  for (const { admin } of [to, from, ...nodes.filter((node) => node !== to && node !== from)]) {
    // Replicas learn it from their masters.
    await admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id).catch(() => undefined);
  }
  // MIGRATE does not wait for the replica of the new master: a fail-over right now would lose what was moved.
  const [key] = (await to.admin.call('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[];
  if (!key) return;
  await to.admin.set(key.replace(/}.*/s, '}:moved'), 1);
  await to.admin.wait(1, 5_000);
}

async function until(nodes: readonly TestNode[], is: (node: TestNode) => Promise<boolean>): Promise<void> {
  for (const node of nodes) {
    while (!(await is(node))) await pause();
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
