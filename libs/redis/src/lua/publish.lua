-- Makes committed results visible, once they are replicated.
--
-- ARGV: prefix, then for each request: ref
-- Returns for each request its gateways, or false where nothing is committed (published before).
local prefix = ARGV[1]
local reply = {}
for i = 2, #ARGV do
  local ref = ARGV[i]
  local found = redis.call('HMGET', prefix .. ':r:' .. ref, 'state', 'gateways', 'keep', 'bytes', 'blob', 'held')
  if found[1] == 'committed' then
    write_terminal(prefix, ref, found[5], found[3])
    release(prefix, ref, found[4], found[6])
    reply[#reply + 1] = found[2]
  else
    reply[#reply + 1] = false
  end
end
finish()
return reply
