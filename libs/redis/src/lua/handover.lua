-- Another job, which exists already, shall run a request from now on. A crash before this leaves that job with nothing
-- to do, a crash after it leaves nothing to the old one.
--
-- ARGV: prefix, ref, owner, lock token, epoch, new owner
-- Returns 1, or 0: it has ended, or is another's.
local prefix, ref = ARGV[1], ARGV[2]
local record = prefix .. ':r:' .. ref
if redis.call('GET', prefix .. ':' .. ARGV[3] .. ':lock') ~= ARGV[4] then
  return 0
end
local found = redis.call('HMGET', record, 'state', 'owner', 'epoch', 'bytes', 'held')
if found[2] ~= ARGV[3] or found[3] ~= ARGV[5] or found[1] == 'committed' then
  return 0
end
if found[1] == 'settled' then
  release(prefix, ref, found[4], found[5])
  finish()
  return 0
end
redis.call('HSET', record, 'owner', ARGV[6], 'epoch', ARGV[5] + 1, 'stalls', 0, 'state', 'retrying')
return 1
