-- Dead letters are gone: so are their payloads, and what these reserved.
--
-- ARGV: prefix, refs…
local prefix = ARGV[1]
local letters, sizes = prefix .. ':letters', prefix .. ':letter-bytes'
for i = 2, #ARGV do
  local kept = redis.call('HGET', sizes, ARGV[i])
  if kept and kept ~= '0' then
    redis.call('HINCRBY', sizes, '*', -kept)
  end
  redis.call('HDEL', sizes, ARGV[i])
  redis.call('ZREM', letters, ARGV[i])
  redis.call('UNLINK', prefix .. ':d:' .. ARGV[i])
end
return 1
