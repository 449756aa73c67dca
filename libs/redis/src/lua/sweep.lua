-- Requests whose deadline passed a while ago and that are still outstanding: nobody settled them, or the job with
-- their payload has vanished. Looked at again after `again_ms` if they have to stay.
--
-- ARGV: prefix, grace_ms, limit, again_ms
-- Returns {ref, …} of those without a terminal record.
local prefix, grace, limit, again = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()
local overdue = redis.call('ZRANGEBYSCORE', OUTSTANDING, '-inf', now - grace, 'LIMIT', 0, limit)
local unsettled = {}
for _, ref in ipairs(overdue) do
  local found = redis.call('HMGET', prefix .. ':r:' .. ref, 'state', 'owner', 'bytes', 'held')
  if not found[1] then
    redis.call('ZREM', OUTSTANDING, ref)
  elseif found[1] == 'settled' and not is_carried(prefix, found[2]) then
    release(prefix, ref, found[3], found[4])
  else
    if found[1] ~= 'settled' then
      unsettled[#unsettled + 1] = ref
    end
    redis.call('ZADD', OUTSTANDING, 'XX', now + again, ref)
  end
end
-- Tenants that only tried to come in are forgotten; so is, while nothing is outstanding, whatever was miscounted.
local tenants = prefix .. ':tenants'
local counts = redis.call('HGETALL', tenants)
for i = 1, #counts, 2 do
  if tonumber(counts[i + 1]) <= 0 then
    redis.call('HDEL', tenants, counts[i])
  end
end
finish()
if redis.call('ZCARD', OUTSTANDING) == 0 then
  redis.call('DEL', prefix .. ':models')
end
return unsettled
