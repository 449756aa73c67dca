-- A gateway wants to hear of the end of a request that it did not submit.
--
-- ARGV: prefix, ref, gateway
-- Returns 'live' or, where the terminal record is there or nothing is known, 'ended'.
local record = ARGV[1] .. ':r:' .. ARGV[2]
local found = redis.call('HMGET', record, 'state', 'gateways')
if not found[1] or found[1] == 'settled' then
  return 'ended'
end
if not string.find(found[2], ARGV[3], 1, true) then
  redis.call('HSET', record, 'gateways', found[2] .. ',' .. ARGV[3])
end
return 'live'
