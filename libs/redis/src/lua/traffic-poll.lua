-- What a process obeys, and what there is that it does not know.
--
-- KEYS: the hash of records, the hash name -> epochs that it obeys, the sorted set of names by when they wrote that
-- ARGV: version of the records that it knows, its name (empty: it only reads), epochs as JSON, how long they are good, ms
-- Returns {version}, and behind it the records by their models when it is another one.
local version = redis.call('HGET', KEYS[1], '*') or '0'
local name, keep_ms = ARGV[2], tonumber(ARGV[4])
if name ~= '' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local gone = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - keep_ms, 'LIMIT', 0, 1000)
  if #gone > 0 then
    redis.call('ZREM', KEYS[3], unpack(gone))
    redis.call('HDEL', KEYS[2], unpack(gone))
  end
  redis.call('ZADD', KEYS[3], now, name)
  redis.call('HSET', KEYS[2], name, ARGV[3])
  redis.call('PEXPIRE', KEYS[3], keep_ms)
  redis.call('PEXPIRE', KEYS[2], keep_ms)
end
if version == ARGV[1] then
  return { version }
end
return { version, redis.call('HGETALL', KEYS[1]) }
