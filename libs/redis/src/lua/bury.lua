-- The dead letters of requests that were ended from outside are stored: what they reserved is given back.
--
-- ARGV: prefix, refs…
local prefix = ARGV[1]
for i = 2, #ARGV do
  local found = redis.call('HMGET', prefix .. ':r:' .. ARGV[i], 'state', 'bytes', 'held')
  if found[1] == 'settled' then
    release(prefix, ARGV[i], found[2], found[3])
  end
end
finish()
return 1
