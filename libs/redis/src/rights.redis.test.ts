import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from './testing/redis-server.ts';

// That the rights suffice is shown by the other tests of this folder and of the dispatcher, which work with them.
let server: TestRedis;
let services: Redis;
beforeAll(async () => {
  server = await startRedis();
  services = new Redis(server.servicesUrl);
});
afterAll(async () => {
  services.disconnect();
  await server.stop();
});

it.each([
  ['keys', '*'],
  ['config', 'get', 'dir'],
  ['config', 'set', 'dir', '/'],
  ['flushall'],
  ['flushdb'],
  ['shutdown'],
  ['replicaof', 'no', 'one'],
  ['swapdb', '0', '1'],
  ['acl', 'list'],
  ['client', 'list'],
])('refuses %s %s to a service', async (command, ...args) => {
  await expect(services.call(command, ...args)).rejects.toThrow('NOPERM');
});

it("refuses keys and channels that are not Frontier's", async () => {
  await expect(services.set('others', '1')).rejects.toThrow('NOPERM');
  await expect(services.eval("return redis.call('set', 'others', '1')", 0)).rejects.toThrow(
    /can't access|[Nn]o permission|NOPERM/,
  );
  await expect(services.subscribe('others')).rejects.toThrow('NOPERM');
});
