// What an installation holds, as hashes that are equal before a loss and after a restore.
import { createHash } from 'node:crypto';

/** Names of who holds a lease and until when change by themselves. */
const VOLATILE_TABLES = new Set(['leases']);
const ROWS = `md5(coalesce(string_agg(row, E'\\n' order by row), '')) || ' ' || count(*) || ' rows'`;

/** Table → MD5 of its ordered rows, and how many. */
export async function databaseHashes(installation) {
  const names = await installation.sql("select table_name from information_schema.tables where table_schema = 'frontier'"); // prettier-ignore
  const found = new Map();
  for (const table of names.trim().split('\n').sort()) {
    if (VOLATILE_TABLES.has(table)) continue;
    // When a key was last used is written by every call.
    const rows = `select (to_jsonb(t) - 'last_used_at')::text as row from frontier.${table} t`;
    found.set(`frontier.${table}`, (await installation.sql(`select ${ROWS} from (${rows}) all_rows`)).trim());
  }
  return found;
}

/**
 * A line for each key: its group (the name up to what is counted up or an id), the key, a hash of its value. Left out is
 * what lives for minutes, or is written by every process that is alive or every call. What has no order (hash, set) is
 * sorted: `DUMP` would give the order of the hash table, which another server has otherwise.
 */
const SCRIPT = `
local function flat(value)
  if type(value) ~= 'table' then return tostring(value) end
  local parts = {}
  for i, part in ipairs(value) do parts[i] = flat(part) end
  return '(' .. table.concat(parts, ' ') .. ')'
end
local function sorted(list)
  table.sort(list)
  return flat(list)
end
local READ = {
  string = function(key) return redis.call('get', key) end,
  list = function(key) return flat(redis.call('lrange', key, 0, -1)) end,
  set = function(key) return sorted(redis.call('smembers', key)) end,
  zset = function(key) return flat(redis.call('zrange', key, 0, -1, 'withscores')) end,
  stream = function(key) return flat(redis.call('xrange', key, '-', '+')) end,
  hash = function(key)
    local pairs, all = {}, redis.call('hgetall', key)
    for i = 1, #all, 2 do table.insert(pairs, flat({ all[i], all[i + 1] })) end
    return sorted(pairs)
  end,
}
local lines, cursor = {}, '0'
repeat
  local page = redis.call('scan', cursor, 'count', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local ttl = redis.call('ttl', key)
    local alive = string.find(key, '^f:reply:') or string.find(key, '^f:traffic') or string.find(key, ':redriving$')
      or string.find(key, ':meta$') or string.find(key, ':settled$') or string.find(key, ':id$') or string.find(key, ':stalled%-check$') or string.find(key, ':events$') or string.find(key, ':marker$') or key == 'drill:mark'
    if not alive and (ttl == -1 or ttl > 3600) then
      -- A shard's hash tag holds digits that are no id.
      local tag, rest = string.match(key, '^({[^}]*})(.*)$')
      local group = string.gsub(rest or key, '[:%-]%x*%d.*$', ':…')
      group = (tag or '') .. string.gsub(group, ':inf_.*$', ':…')
      table.insert(lines, table.concat({ group, key, redis.sha1hex(READ[redis.call('type', key).ok](key)) }, '\\t'))
    end
  end
until cursor == '0'
table.sort(lines)
return table.concat(lines, '\\n')`;

/** `{groups, values}`: group → hash over its keys, of those in `known` where that is given; key → hash of its value. */
export async function redisHashes(installation, known) {
  const lines = (await installation.redis('--raw', 'eval', SCRIPT, '0')).trim().split('\n');
  const members = new Map();
  const values = new Map();
  for (const line of lines) {
    const [group, key, hash] = line.split('\t');
    if (hash === undefined || (known && !known.has(key))) continue;
    values.set(key, hash);
    members.set(group, [...(members.get(group) ?? []), `${key} ${hash}`]);
  }
  const digest = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);
  const groups = [...members].map(([group, all]) => [group, `${digest(all.join('\n'))} ${all.length} keys`]);
  return { groups: new Map(groups), values };
}

const MANIFESTS = `const { readdirSync, readFileSync } = require('node:fs'); const { createHash } = require('node:crypto');
for (const name of readdirSync('/models')) for (const version of readdirSync('/models/' + name)) {
  const bytes = readFileSync('/models/' + name + '/' + version + '/manifest.json');
  console.log(name + '@' + version + ' sha256:' + createHash('sha256').update(bytes).digest('hex'));
}`;

/** Version → digest of its manifest, which names the digests of its files. */
export async function modelHashes(installation) {
  const output = await installation.kubectl(['exec', 'deploy/frontier-control', '--', '/nodejs/bin/node', '-e', MANIFESTS]); // prettier-ignore
  const lines = output.trim().split('\n').filter((line) => line.includes(' sha256:')); // prettier-ignore
  return new Map(lines.map((line) => line.split(' ')));
}
