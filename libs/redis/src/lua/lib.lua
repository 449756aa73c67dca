-- Shared by the scripts of this folder; put in front of each of them.
--
-- Keys of a shard: KEYS[1] outstanding (zset ref -> deadline ms), KEYS[2] bytes, KEYS[3] settled (counter).
-- All other keys are the shard's prefix plus a ref, in the same hash slot by their tag.

local OUTSTANDING, BYTES, SETTLED = KEYS[1], KEYS[2], KEYS[3]

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- The payload of a request is gone: what it reserved is given back.
local function release(prefix, ref, bytes)
  redis.call('UNLINK', prefix .. ':r:' .. ref, prefix .. ':p:' .. ref)
  if redis.call('ZREM', OUTSTANDING, ref) == 1 then
    redis.call('DECRBY', BYTES, bytes)
  end
end

-- The one place where a request gets its terminal record. Its idempotency key, if any, stays only with an answer.
local function write_terminal(prefix, ref, blob, keep_ms)
  redis.call('SET', prefix .. ':s:' .. ref, blob, 'PX', keep_ms)
  redis.call('INCR', SETTLED)
end
