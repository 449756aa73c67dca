-- Ends a request from outside of its run: a timeout or a cancellation. Its place stays reserved until the job that
-- carries the payload has met it (`claim`) or the sweeper finds that there is no such job.
--
-- ARGV: prefix, queue, ref, blob, keep_ms
-- Returns {'settled', gateways, idempotency key} when this call ended it, {'committed', '', ''} when a result is about
-- to be published, {'terminal', '', ''} when it has its terminal record already, {'unknown', '', ''} when nothing is known of it.
local prefix, queue, ref, blob, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local record = prefix .. ':r:' .. ref
if redis.call('EXISTS', prefix .. ':s:' .. ref) == 1 then
  return { 'terminal', '', '' }
end
local found = redis.call('HMGET', record, 'state', 'gateways', 'owner', 'bytes', 'idem')
if not found[1] then
  return { 'unknown', '', '' }
end
if found[1] == 'committed' then
  return { 'committed', '', '' }
end
write_terminal(prefix, ref, blob, keep)
if redis.call('EXISTS', prefix .. ':' .. queue .. ':' .. found[3]) == 1 then
  redis.call('HSET', record, 'state', 'settled')
  redis.call('UNLINK', prefix .. ':p:' .. ref)
else
  release(prefix, ref, found[4])
end
finish()
return { 'settled', found[2], found[5] }
