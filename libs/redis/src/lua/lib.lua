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

-- Results that are kept for long are counted, per tenant and hour: they must never fill Redis, which evicts nothing.
local KEPT_OVER_MS, HOUR_MS, HOURS = 600000, 3600000, 24

local function kept_key(prefix, ref, hour)
  return prefix .. ':kept:' .. string.match(ref, '^[^:]*') .. ':' .. hour
end

local function kept_bytes(prefix, ref, now)
  local keys = {}
  for back = 0, HOURS do
    keys[#keys + 1] = kept_key(prefix, ref, math.floor(now / HOUR_MS) - back)
  end
  local sum = 0
  for _, bytes in ipairs(redis.call('MGET', unpack(keys))) do
    sum = sum + (tonumber(bytes) or 0)
  end
  return sum
end

-- The one place where a request gets its terminal record. Its idempotency key, if any, stays only with an answer.
local function write_terminal(prefix, ref, blob, keep_ms)
  redis.call('SET', prefix .. ':s:' .. ref, blob, 'PX', keep_ms)
  redis.call('INCR', SETTLED)
  if tonumber(keep_ms) > KEPT_OVER_MS then
    local key = kept_key(prefix, ref, math.floor(now_ms() / HOUR_MS))
    redis.call('INCRBY', key, #blob)
    redis.call('PEXPIRE', key, (HOURS + 1) * HOUR_MS)
  end
end
