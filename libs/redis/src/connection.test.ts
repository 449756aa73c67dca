import type { Cluster, Redis } from 'ioredis';
import { createLogger } from '@frontier/kit/logger';
import { connect, connectBlocking, isCluster } from './connection.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const credentials = { username: 'me', password: 'p@ss' };

// Nothing connects before it is asked to.
describe.each([connect, connectBlocking])('%p', (make) => {
  it('takes one server', () => {
    const redis = make({ url: 'redis://me:p%40ss@h:7/2', name: 'n', log }) as Redis;
    expect(isCluster(redis)).toBe(false);
    expect(redis.options).toMatchObject({ host: 'h', port: 7, db: 2, connectionName: 'n', ...credentials });
  });

  it('takes nodes of a Cluster', () => {
    const redis = make({ url: 'rediss+cluster://me:p%40ss@a,b:7', name: 'n', log }) as Cluster;
    expect(isCluster(redis)).toBe(true);
    expect(redis.options.redisOptions).toMatchObject({ ...credentials, connectionName: 'n', tls: {} });
  });

  it('takes sentinels', () => {
    const redis = make({ url: 'redis+sentinel://me:p%40ss@a,b:7/main', name: 'n', log }) as Redis;
    const sentinels = [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 7 },
    ];
    expect(redis.options).toMatchObject({ sentinels, name: 'main', ...credentials });
    expect(redis.options.tls).toBeUndefined();
  });
});

it('keeps what makes calls fail at once, also for who duplicates a connection to a Cluster', () => {
  const redis = connect({ url: 'redis+cluster://a', name: 'n', log }) as Cluster;
  const settings = { enableOfflineQueue: false, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 };
  expect(redis.options).toMatchObject(settings);
  const other = redis.duplicate();
  expect(other.options).toMatchObject(settings);
  expect(Object.hasOwn(other, 'handleError')).toBe(true);
});
