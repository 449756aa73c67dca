-- Shared by the scripts of this folder; put in front of each of them.
--
-- Keys of a shard: KEYS[1] outstanding (zset ref -> deadline ms), KEYS[2] bytes, KEYS[3] settled (counter).
-- All other keys are the shard's prefix plus a ref, in the same hash slot by their tag.
--
-- What scripts do to the shared keys is collected and done once, by `finish`: a command costs as much as the work.

local OUTSTANDING, BYTES, SETTLED = KEYS[1], KEYS[2], KEYS[3]

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local released_refs, released_keys, released_bytes, settled_count = {}, {}, 0, 0

-- The payload of a request is gone: what it reserved is given back. Only for a request that has a record, since
-- record and place in OUTSTANDING come and go together.
local function release(prefix, ref, bytes)
  released_refs[#released_refs + 1] = ref
  released_keys[#released_keys + 1] = prefix .. ':r:' .. ref
  released_keys[#released_keys + 1] = prefix .. ':p:' .. ref
  released_bytes = released_bytes + tonumber(bytes)
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

-- The one place where a request gets its terminal record.
local function write_terminal(prefix, ref, blob, keep_ms)
  redis.call('SET', prefix .. ':s:' .. ref, blob, 'PX', keep_ms)
  settled_count = settled_count + 1
  if tonumber(keep_ms) > KEPT_OVER_MS then
    local key = kept_key(prefix, ref, math.floor(now_ms() / HOUR_MS))
    redis.call('INCRBY', key, #blob)
    redis.call('PEXPIRE', key, (HOURS + 1) * HOUR_MS)
  end
end

-- Called once, at the end of each script that releases or settles.
local function finish()
  if #released_refs > 0 then
    redis.call('ZREM', OUTSTANDING, unpack(released_refs))
    redis.call('UNLINK', unpack(released_keys))
    redis.call('DECRBY', BYTES, released_bytes)
  end
  if settled_count > 0 then
    redis.call('INCRBY', SETTLED, settled_count)
  end
end
