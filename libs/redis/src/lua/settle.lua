-- Ends a request from outside of its run: a timeout or a cancellation. Its place stays reserved until the job that
-- carries the payload has met it (`claim`) or the sweeper finds that there is no such job.
--
-- ARGV: prefix, ref, blob, status ('timeout': its payload stays for its dead letter)
-- Returns {'settled', gateways, idempotency key} when this call ended it, {'committed', '', ''} when a result is about
-- to be published, {'terminal', '', ''} when it has its terminal record already, {'unknown', '', ''} when nothing is known of it.
local prefix, ref, blob, status = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local record = prefix .. ':r:' .. ref
if redis.call('EXISTS', prefix .. ':s:' .. ref) == 1 then
  return { 'terminal', '', '' }
end
local found = redis.call('HMGET', record, 'state', 'gateways', 'owner', 'bytes', 'idem', 'held', 'keep')
if not found[1] then
  return { 'unknown', '', '' }
end
if found[1] == 'committed' then
  return { 'committed', '', '' }
end
write_terminal(prefix, ref, blob, found[7])
if is_carried(prefix, found[3]) then
  redis.call('HSET', record, 'state', 'settled', 'end', status)
  if status ~= 'timeout' then
    redis.call('UNLINK', prefix .. ':p:' .. ref)
  end
else
  release(prefix, ref, found[4], found[6])
end
finish()
return { 'settled', found[2], found[5] }
