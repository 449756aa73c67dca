-- A dispatcher has taken a job: which of its requests may run?
--
-- ARGV: prefix, job id, rerun (1: an earlier holder of this job was lost), then for each request: ref, epoch
-- Returns {now_ms, then for each request one of
--   'run', epoch      run it under this epoch
--   'skip', 0         settled, or another job owns it
--   'committed', epoch  it has a result, which its lost holder did not publish
--   'expired', epoch  its deadline has passed: settle it as a timeout}
local prefix, job, rerun = ARGV[1], ARGV[2], ARGV[3] == '1'
local now = now_ms()
local reply = { now }
for i = 4, #ARGV, 2 do
  local ref = ARGV[i]
  local record = prefix .. ':r:' .. ref
  local found = redis.call('HMGET', record, 'state', 'owner', 'epoch', 'deadline', 'bytes', 'mode')
  local verdict, epoch = 'skip', 0
  if found[1] == 'settled' then
    -- Ended by a gateway while it waited here: now its payload goes.
    release(prefix, ref, found[5])
  elseif found[1] == 'committed' and found[2] == job then
    verdict, epoch = 'committed', tonumber(found[3])
    -- A write of this connection, so that its WAIT vouches for the result.
    redis.call('HSET', record, 'state', 'committed')
  elseif found[1] and found[1] ~= 'committed' and found[2] == job and tonumber(found[3]) >= tonumber(ARGV[i + 1]) then
    epoch = tonumber(found[3])
    if rerun then
      -- A new epoch fences whatever the lost holder may still send.
      epoch = redis.call('HINCRBY', record, 'epoch', 1)
      redis.call('HINCRBY', record, 'crashes', 1)
    end
    if tonumber(found[4]) <= now then
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
end
finish()
return reply
