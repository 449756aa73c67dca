-- Shared by the scripts of this folder; put in front of each of them.
--
-- Keys of a shard: KEYS[1] outstanding (zset ref -> deadline ms), KEYS[2] bytes, KEYS[3] settled (counter).
-- All other keys are the shard's prefix plus a name, in the same hash slot by their tag.
-- The owner of a request is `<queue>:<job>`, so `<prefix>:<owner>` is BullMQ's key of the job.
--
-- What scripts do to the shared keys is collected and done once, by `finish`: a command costs as much as the work.

local OUTSTANDING, BYTES, SETTLED = KEYS[1], KEYS[2], KEYS[3]

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function tenant_of(ref)
  return string.match(ref, '^[^:]*')
end

local function is_carried(prefix, owner)
  return redis.call('EXISTS', prefix .. ':' .. owner) == 1
end

-- Requests of a model that no worker serves are parked: they count apart, in the hash `held` (per model, `*` all of
-- them, `bytes` their payloads), so that they fill the bounds of nobody else. `model` is empty for those not parked.
local function count_parked(prefix, record, model, bytes, by)
  local held = prefix .. ':held'
  redis.call('HSET', record, 'held', by > 0 and model or '')
  redis.call('HINCRBY', held, '*', by)
  -- Plus 0: Redis does not take the -0 of an empty payload.
  redis.call('HINCRBY', held, 'bytes', by * bytes + 0)
  redis.call('INCRBY', BYTES, -by * bytes + 0)
  if redis.call('HINCRBY', held, model, by) <= 0 then
    redis.call('HDEL', held, model)
  end
end

local released_refs, released_keys, released_bytes, settled_count = {}, {}, 0, 0
local released_of, released_models, release_prefix = {}, {}, nil

-- How many requests are outstanding of each model and version: what workers are scaled by. A request counts for the one
-- that it was admitted for.
local function count_models(prefix, changes)
  for model, by in pairs(changes) do
    if redis.call('HINCRBY', prefix .. ':models', model, by) <= 0 then
      redis.call('HDEL', prefix .. ':models', model)
    end
  end
end

-- The payload of a request is gone: what it reserved is given back. Only for a request that has a record, since
-- record and place in OUTSTANDING come and go together. `held`: the field of its record.
local function release(prefix, ref, bytes, held)
  if held and held ~= '' then
    count_parked(prefix, prefix .. ':r:' .. ref, held, tonumber(bytes), -1)
  end
  released_refs[#released_refs + 1] = ref
  released_keys[#released_keys + 1] = prefix .. ':r:' .. ref
  released_keys[#released_keys + 1] = prefix .. ':p:' .. ref
  released_bytes = released_bytes + tonumber(bytes)
  local tenant = tenant_of(ref)
  released_of[tenant] = (released_of[tenant] or 0) + 1
  local of = redis.call('HMGET', prefix .. ':r:' .. ref, 'model', 'version')
  local model = (of[1] or '') .. '@' .. (of[2] or '')
  released_models[model] = (released_models[model] or 0) - 1
  release_prefix = prefix
end

-- Results that are kept for long are counted, per tenant and hour: they must never fill Redis, which evicts nothing.
local KEPT_OVER_MS, HOUR_MS, HOURS = 600000, 3600000, 24

local function kept_key(prefix, ref, hour)
  return prefix .. ':kept:' .. tenant_of(ref) .. ':' .. hour
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
    for tenant, count in pairs(released_of) do
      if redis.call('HINCRBY', release_prefix .. ':tenants', tenant, -count) <= 0 then
        redis.call('HDEL', release_prefix .. ':tenants', tenant)
      end
    end
    count_models(release_prefix, released_models)
  end
  if settled_count > 0 then
    redis.call('INCRBY', SETTLED, settled_count)
  end
end
