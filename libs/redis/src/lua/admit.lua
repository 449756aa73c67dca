-- Admits requests of one shard: refuses over the bounds, else writes their records and reserves their place.
--
-- ARGV: prefix, bound, bound_bytes, large_bytes (a payload over it is large: shed first), kept_bound_bytes (of one
--       tenant), max_wait_ms (of who is no job), drain (requests settled a second while work waits; 0: not known), lane ('main': all go
--       there; '': a tenant over its share goes to `overflow`), gateway,
--       then for each request: ref, job (that will carry it), idem (its idempotency key in Redis, or ''), timeout_ms,
--       bytes, keep_ms, mode, model, version
-- Returns {now_ms, outstanding, bytes, settled (the three as they were before), jobs that wait, then for each request:
--   'main', 'overflow'  the caller must enqueue it in this queue, in the job that it named
--   'live'              it is on its way already; this gateway will hear of its end
--   'settled'           it has its terminal record
--   or why it is refused: 'full', 'bytes', 'large', 'tenant' (over its share while others wait), 'kept' (its results of
--   the last day fill its share), 'unserved' (too many wait for this model, which no worker serves), 'deadline', 'wait'}
local prefix, bound, bound_bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local large_bytes, kept_bound, max_wait = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local drain, fixed_lane, gateway = tonumber(ARGV[7]), ARGV[8], ARGV[9]
local FIRST, STEP = 10, 9
-- Of the bounds: what a tenant may have outstanding before its work goes behind that of the others, and what large
-- payloads leave free for small ones.
local TENANT_SHARE, LEAST_SHARE, LARGE_COUNT, LARGE_BYTES = 0.2, 8, 0.75, 0.5
-- With others there, a tenant may have this many times what is still free (Choudhury and Hahne, "Dynamic queue length
-- thresholds", 1998): however many tenants flood the shard, some room is left for one that comes new.
local THRESHOLD, MAX_REMEMBERED = 4, 1000

local now = now_ms()
local held, tenants = prefix .. ':held', prefix .. ':tenants'
local parked = tonumber(redis.call('HGET', held, '*') or '0')
local count = redis.call('ZCARD', OUTSTANDING) - parked
local bytes = tonumber(redis.call('GET', BYTES) or '0')
local backlog = redis.call('LLEN', prefix .. ':main:wait') + redis.call('LLEN', prefix .. ':overflow:wait')
local reply = { now, count, bytes, tonumber(redis.call('GET', SETTLED) or '0'), backlog }
local added, added_bytes, added_of, added_models = {}, 0, {}, {}
local tenant_counts, active, refused = {}, nil, {}

local function outstanding_of(tenant)
  if not tenant_counts[tenant] then
    tenant_counts[tenant] = tonumber(redis.call('HGET', tenants, tenant) or '0')
  end
  return tenant_counts[tenant]
end

local function others_than(tenant)
  active = active or redis.call('HLEN', tenants)
  return active - redis.call('HEXISTS', tenants, tenant) > 0
end

-- A caller repeats its key: attach to what is there, or take over a record that no job owns.
local function attach(record, job)
  local found = redis.call('HMGET', record, 'state', 'gateways', 'owner')
  if not string.find(found[2], gateway, 1, true) then
    redis.call('HSET', record, 'gateways', found[2] .. ',' .. gateway)
  end
  if found[1] == 'committed' or found[1] == 'settled' or found[3] == 'main:' .. job or is_carried(prefix, found[3]) then
    return 'live'
  end
  redis.call('HSET', record, 'owner', 'main:' .. job, 'stalls', 0)
  return 'main'
end

-- What a tenant may have outstanding before its work goes behind that of the others: while work waits, a part of what is
-- there, so that nobody finds a long row of one tenant's requests before him.
local function share()
  local most = bound * TENANT_SHARE
  return backlog > 0 and math.min(most, math.max(LEAST_SHARE, count * TENANT_SHARE)) or most
end

local function refusal(i, ref, size, timeout)
  if count >= bound then
    return 'full'
  end
  if bytes + size > bound_bytes then
    return 'bytes'
  end
  if size > large_bytes and (count >= bound * LARGE_COUNT or bytes + size > bound_bytes * LARGE_BYTES) then
    return 'large'
  end
  local tenant = tenant_of(ref)
  local mine = outstanding_of(tenant)
  if mine >= THRESHOLD * (bound - count) and others_than(tenant) then
    return 'tenant'
  end
  if drain > 0 and backlog > 0 then
    -- Little's law: what is ahead, by the rate at which it goes. Tenants take turns: ahead of a tenant's next request is
    -- no more than as many of each of the others as it has itself.
    active = active or redis.call('HLEN', tenants)
    local wait = math.min(count, (mine + 1) * math.max(active, 1)) * 1000 / drain
    if wait > timeout then
      return 'deadline'
    end
    if wait > max_wait and ARGV[i + 6] ~= 'job' then
      return 'wait'
    end
  end
  if parked > 0 then
    local model = ARGV[i + 7] .. '@' .. ARGV[i + 8]
    if parked >= bound and redis.call('HEXISTS', held, model) == 1 then
      return 'unserved'
    end
  end
  if tonumber(ARGV[i + 5]) > KEPT_OVER_MS and kept_bytes(prefix, ref, now) >= kept_bound then
    return 'kept'
  end
  return nil
end

for i = FIRST, #ARGV, STEP do
  local ref, job, idem = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local timeout, size = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local record = prefix .. ':r:' .. ref
  local verdict
  if idem ~= '' and redis.call('EXISTS', prefix .. ':s:' .. ref) == 1 then
    verdict = 'settled'
  elseif idem ~= '' and redis.call('EXISTS', record) == 1 then
    verdict = attach(record, job)
  else
    verdict = refusal(i, ref, size, timeout)
  end
  local tenant = tenant_of(ref)
  if not verdict then
    verdict = fixed_lane
    if verdict == '' then
      verdict = outstanding_of(tenant) >= share() and 'overflow' or 'main'
    end
    local deadline = now + timeout
    redis.call('HSET', record, 'state', 'waiting', 'owner', verdict .. ':' .. job, 'epoch', 0, 'crashes', 0, 'stalls', 0,
      'deadline', deadline, 'gateways', gateway, 'idem', idem, 'bytes', size, 'keep', ARGV[i + 5], 'mode', ARGV[i + 6],
      'model', ARGV[i + 7], 'version', ARGV[i + 8])
    added[#added + 1] = deadline
    added[#added + 1] = ref
    added_bytes = added_bytes + size
    added_of[tenant] = (added_of[tenant] or 0) + 1
    local model = ARGV[i + 7] .. '@' .. ARGV[i + 8]
    added_models[model] = (added_models[model] or 0) + 1
    tenant_counts[tenant] = outstanding_of(tenant) + 1
    count = count + 1
    bytes = bytes + size
  elseif (verdict == 'full' or verdict == 'bytes') and not refused[tenant] then
    -- Who fills the shard alone learns that somebody else is there. The sweeper forgets it.
    refused[tenant] = true
    if redis.call('HLEN', tenants) < MAX_REMEMBERED then
      redis.call('HSETNX', tenants, tenant, 0)
    end
  end
  reply[#reply + 1] = verdict
end
if #added > 0 then
  redis.call('ZADD', OUTSTANDING, unpack(added))
  redis.call('INCRBY', BYTES, added_bytes)
  for tenant, n in pairs(added_of) do
    redis.call('HINCRBY', tenants, tenant, n)
  end
  count_models(prefix, added_models)
end
return reply
