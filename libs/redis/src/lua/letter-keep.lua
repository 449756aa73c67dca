-- A dead letter is about to be added: is there room for its payload? For one letter the answer never changes, so that
-- it may be added again.
--
-- ARGV: prefix, ref, bytes (of its payload), max_bytes (of all payloads), payload (where it lies under a key of its own,
--       else ''), keep_ms
-- Returns {1 or 0, dead letters of this shard}
local prefix, ref, size, keep_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[6]
local letters, sizes = prefix .. ':letters', prefix .. ':letter-bytes'
local kept = tonumber(redis.call('HGET', sizes, ref))
if not kept then
  local total = tonumber(redis.call('HGET', sizes, '*') or '0')
  kept = total + size <= tonumber(ARGV[4]) and size or 0
  redis.call('HSET', sizes, ref, kept, '*', total + kept)
  redis.call('ZADD', letters, now_ms(), ref)
  if kept > 0 and ARGV[5] ~= '' then
    redis.call('SET', prefix .. ':d:' .. ref, ARGV[5], 'PX', keep_ms)
  end
end
return { kept > 0 and 1 or 0, redis.call('ZCARD', letters) }
