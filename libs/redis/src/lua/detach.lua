-- Nobody waits for the end of a request at this gateway any more.
--
-- ARGV: prefix, ref, gateway
-- Returns 1 where somebody may still wait for it at another gateway, else 0.
local record = ARGV[1] .. ':r:' .. ARGV[2]
local gateways = redis.call('HGET', record, 'gateways')
local others = {}
for gateway in string.gmatch(gateways or '', '[^,]+') do
  if gateway ~= ARGV[3] then
    others[#others + 1] = gateway
  end
end
if gateways then
  redis.call('HSET', record, 'gateways', table.concat(others, ','))
end
return #others > 0 and 1 or 0
