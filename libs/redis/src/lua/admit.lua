-- Admits requests of one shard: refuses over the bounds, else writes their records and reserves their place.
--
-- ARGV: prefix, queue, bound, bound_bytes, kept_bound_bytes (of one tenant), gateway,
--       then for each request: ref, owner (the job that will carry it), idem (its idempotency key in Redis, or ''),
--       timeout_ms, bytes, keep_ms, mode, model, version
-- Returns {now_ms, outstanding, bytes, settled (the three as they were before), then for each request one of
--   'new'      the caller must enqueue it in `owner`
--   'live'     it is on its way already; this gateway will hear of its end
--   'settled'  it has its terminal record
--   'full'     a bound is reached
--   'kept'     the tenant's results of the last day fill its share}
local prefix, queue, bound, bound_bytes, kept_bound, gateway =
  ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local now = now_ms()
local count = redis.call('ZCARD', OUTSTANDING)
local bytes = tonumber(redis.call('GET', BYTES) or '0')
local added, added_bytes = {}, 0
local reply = { now, count, bytes, tonumber(redis.call('GET', SETTLED) or '0') }

-- A caller repeats its key: attach to what is there, or take over a record that no job owns.
local function attach(record, owner)
  local found = redis.call('HMGET', record, 'state', 'gateways', 'owner')
  if not string.find(found[2], gateway, 1, true) then
    redis.call('HSET', record, 'gateways', found[2] .. ',' .. gateway)
  end
  local carried = found[3] == owner or redis.call('EXISTS', prefix .. ':' .. queue .. ':' .. found[3]) == 1
  if carried or found[1] == 'committed' then
    return 'live'
  end
  redis.call('HSET', record, 'owner', owner)
  return 'new'
end

for i = 7, #ARGV, 9 do
  local ref, owner, idem, keep = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 5]
  local timeout, size = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local keyed = idem ~= ''
  local record = prefix .. ':r:' .. ref
  local verdict
  if keyed and redis.call('EXISTS', prefix .. ':s:' .. ref) == 1 then
    verdict = 'settled'
  elseif keyed and redis.call('EXISTS', record) == 1 then
    verdict = attach(record, owner)
  elseif count >= bound or bytes + size > bound_bytes then
    verdict = 'full'
  elseif tonumber(keep) > KEPT_OVER_MS and kept_bytes(prefix, ref, now) >= kept_bound then
    verdict = 'kept'
  else
    verdict = 'new'
    local deadline = now + timeout
    redis.call('HSET', record, 'state', 'waiting', 'owner', owner, 'epoch', 0, 'crashes', 0, 'deadline', deadline,
      'gateways', gateway, 'idem', idem, 'bytes', size, 'keep', keep, 'mode', ARGV[i + 6], 'model', ARGV[i + 7], 'version', ARGV[i + 8])
    added[#added + 1] = deadline
    added[#added + 1] = ref
    added_bytes = added_bytes + size
    count = count + 1
    bytes = bytes + size
  end
  reply[#reply + 1] = verdict
end
if #added > 0 then
  redis.call('ZADD', OUTSTANDING, unpack(added))
  redis.call('INCRBY', BYTES, added_bytes)
end
return reply
