import { parseRedisUrl } from './redis-url.ts';

describe('a Redis URL', () => {
  it.each(['redis://127.0.0.1:6379', 'redis://localhost', 'rediss://u:p@h:1/2', 'redis://[::1]:6379'])(
    'names one server: %s',
    (url) => {
      expect(parseRedisUrl(url)).toEqual({ kind: 'server', url });
    },
  );

  it('names nodes of a Cluster, with the usual port where none is given', () => {
    expect(parseRedisUrl('redis+cluster://a:7000,b,[::1]:7002')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 6379 },
        { host: '::1', port: 7002 },
      ],
      tls: false,
    });
  });

  it('names sentinels and the primary', () => {
    expect(parseRedisUrl('rediss+sentinel://user:p%40ss@a,b:1/main%20one')).toEqual({
      kind: 'sentinel',
      nodes: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 1 },
      ],
      name: 'main one',
      username: 'user',
      password: 'p@ss',
      tls: true,
    });
  });

  it('may have a password only', () => {
    expect(parseRedisUrl('redis+cluster://:secret@a')).toMatchObject({ password: 'secret' });
    expect(parseRedisUrl('redis+cluster://:secret@a')).not.toHaveProperty('username');
  });

  it.each([
    ['', 'must be redis://'],
    ['redis://', 'must be redis://'],
    ['redis://a,b', 'must be redis://'],
    ['http://secret', 'must be redis://'],
    ['redis+cluster://', 'host 1'],
    ['redis+cluster://secret:1,', 'host 2'],
    ['redis+cluster://secret:99999', 'host 1'],
    ['redis+cluster://secret:7000/1', 'no databases'],
    ['redis+sentinel://secret:1', 'name of the primary'],
    ['redis+sentinel://secret:1/a/b', 'must be redis://'],
    ['redis+cluster://u:%secret@a', 'percent-encoded'],
  ])('is refused with a reason that does not repeat it: %s', (url, reason) => {
    expect(() => parseRedisUrl(url)).toThrow(reason);
    expect(() => parseRedisUrl(url)).not.toThrow('secret');
  });
});
