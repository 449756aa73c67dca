-- A dispatcher has taken a job: which of its requests may run?
--
-- ARGV: prefix, job id, rerun (1: an earlier holder of this job was lost), then for each request: ref, epoch
-- Returns {now_ms, then for each request one of
--   'run', epoch, deadline      run it under this epoch
--   'skip', 0, 0                settled, refused, or another job owns it
--   'committed', epoch, 0       it has a result, which its lost holder did not publish
--   'expired', epoch, deadline  its deadline has passed: settle it as a timeout}
local prefix, job, rerun = ARGV[1], ARGV[2], ARGV[3] == '1'
local now = now_ms()
local reply = { now }
-- Calls with one key may travel in one bundle: the first of them runs.
local seen = {}
for i = 4, #ARGV, 2 do
  local ref = ARGV[i]
  local record = prefix .. ':r:' .. ref
  local found = redis.call('HMGET', record, 'state', 'owner', 'epoch', 'deadline', 'bytes', 'mode')
  local verdict, epoch, deadline = 'skip', 0, 0
  if found[1] == 'settled' then
    -- Ended by a gateway while it waited here: now its payload goes.
    release(prefix, ref, found[5])
  elseif found[1] == 'committed' and found[2] == job then
    verdict, epoch = 'committed', tonumber(found[3])
    -- A write of this connection, so that its WAIT vouches for the result.
    redis.call('HSET', record, 'state', 'committed')
  elseif found[1] and found[2] == job and tonumber(found[3]) >= tonumber(ARGV[i + 1]) and not seen[ref] then
    seen[ref] = true
    epoch, deadline = tonumber(found[3]), tonumber(found[4])
    if rerun then
      -- A new epoch fences whatever the lost holder may still send.
      epoch = redis.call('HINCRBY', record, 'epoch', 1)
      redis.call('HINCRBY', record, 'crashes', 1)
    end
    if deadline <= now then
      verdict = 'expired'
    else
      verdict = 'run'
      -- Only who polls a job ever sees it.
      if found[6] == 'job' then
        redis.call('HSET', record, 'state', 'running')
      end
    end
  end
  reply[#reply + 1] = verdict
  reply[#reply + 1] = epoch
  reply[#reply + 1] = deadline
end
finish()
return reply
