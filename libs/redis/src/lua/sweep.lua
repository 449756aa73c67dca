-- Requests whose deadline passed a while ago and that are still outstanding: nobody settled them, or the job with
-- their payload has vanished. Looked at again after `again_ms` if they have to stay.
--
-- ARGV: prefix, queue, grace_ms, limit, again_ms
-- Returns {ref, …} of those without a terminal record.
local prefix, queue, grace, limit, again =
  ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now = now_ms()
local overdue = redis.call('ZRANGEBYSCORE', OUTSTANDING, '-inf', now - grace, 'LIMIT', 0, limit)
local unsettled = {}
for _, ref in ipairs(overdue) do
  local found = redis.call('HMGET', prefix .. ':r:' .. ref, 'state', 'owner', 'bytes')
  local carried = found[2] and redis.call('EXISTS', prefix .. ':' .. queue .. ':' .. found[2]) == 1
  if not found[1] then
    redis.call('ZREM', OUTSTANDING, ref)
  elseif found[1] == 'settled' and not carried then
    release(prefix, ref, found[3])
  else
    if found[1] ~= 'settled' then
      unsettled[#unsettled + 1] = ref
    end
    redis.call('ZADD', OUTSTANDING, 'XX', now + again, ref)
  end
end
finish()
return unsettled
