-- The end of requests that a dispatcher ran. This decides; whoever comes second is told so.
--
-- ARGV: prefix, queue, replicated (1: publish at once; 0: only record, `publish` follows after WAIT),
--       then for each request: ref, job id, lock token, epoch, blob
-- Returns for each request the gateways that wait for it (comma-separated), or false where it was refused:
--   the lock is another's, the epoch is over, or it is settled.
local prefix, queue, at_once = ARGV[1], ARGV[2], ARGV[3] == '1'
local reply = {}
local locks = {}
for i = 4, #ARGV, 5 do
  local ref, job, token, epoch, blob = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local record = prefix .. ':r:' .. ref
  local lock = locks[job]
  if lock == nil then
    lock = redis.call('GET', prefix .. ':' .. queue .. ':' .. job .. ':lock')
    locks[job] = lock
  end
  local found = redis.call('HMGET', record, 'state', 'owner', 'epoch', 'gateways', 'keep', 'bytes')
  local answer = false
  if lock == token and found[2] == job and found[3] == epoch then
    if found[1] == 'settled' then
      release(prefix, ref, found[6])
    elseif found[1] ~= 'committed' then
      answer = found[4]
      if at_once then
        write_terminal(prefix, ref, blob, found[5])
        release(prefix, ref, found[6])
      else
        redis.call('HSET', record, 'state', 'committed', 'blob', blob)
      end
    end
  end
  reply[#reply + 1] = answer
end
return reply
