/** Host and port of a server. */
export interface RedisAddress {
  host: string;
  port: number;
}

interface Access {
  username?: string;
  password?: string;
  tls: boolean;
}

/** What a Redis URL says: one server, nodes of a Cluster, or the sentinels that know the primary `name`. */
export type RedisTarget =
  | { kind: 'server'; url: string }
  | ({ kind: 'cluster'; nodes: RedisAddress[] } & Access)
  | ({ kind: 'sentinel'; nodes: RedisAddress[]; name: string } & Access);

export const REDIS_URL_FORMS =
  'redis://host:port, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name';

const ONE = /^rediss?:\/\/(?:[^@/?#]*@)?[^,@/?#]+(?:[/?].*)?$/;
const MANY = /^redis(s?)\+(cluster|sentinel):\/\/(?:([^@/]*)@)?([^@/]*)(?:\/([^/]*))?$/;
const ADDRESS = /^(\[[0-9a-f:.]+\]|[^:[\]\s]+)(?::(\d+))?$/i;

/**
 * Reads a Redis URL; `rediss` for `redis` means TLS. Credentials are percent-encoded and belong to the Redis servers,
 * not to the sentinels. Throws an Error that says what is wrong and never repeats the URL, which may hold a password.
 */
export function parseRedisUrl(url: string): RedisTarget {
  if (ONE.test(url) && URL.canParse(url)) return { kind: 'server', url };
  const match = MANY.exec(url);
  if (!match) throw new Error(`must be ${REDIS_URL_FORMS} (rediss for TLS)`);
  const [, tls, kind, credentials, hosts = '', name] = match;
  const access = { ...credentialsOf(credentials), tls: tls === 's' };
  if (kind === 'cluster') {
    if (name) throw new Error('a Redis Cluster has no databases and no names: nothing may follow its hosts');
    return { kind, nodes: addressesOf(hosts, 6379), ...access };
  }
  if (!name)
    throw new Error('the name of the primary must follow the sentinels: redis+sentinel://host:port/name');
  return { kind: 'sentinel', nodes: addressesOf(hosts, 26_379), name: decoded(name), ...access };
}

function addressesOf(hosts: string, defaultPort: number): RedisAddress[] {
  return hosts.split(',').map((text, i) => {
    const [, host, port] = ADDRESS.exec(text) ?? [];
    const number = Number(port ?? defaultPort);
    if (!host || number < 1 || number > 65_535) throw new Error(`its host ${i + 1} is not host:port`);
    return { host: host.replace(/^\[|\]$/g, ''), port: number };
  });
}

function credentialsOf(text: string | undefined): { username?: string; password?: string } {
  if (!text) return {};
  const colon = text.indexOf(':');
  const username = decoded(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? '' : decoded(text.slice(colon + 1));
  return { ...(username && { username }), ...(password && { password }) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('it has a % that does not begin a percent-encoded byte');
  }
}
