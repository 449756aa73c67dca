-- A dispatcher has taken a job: which of its requests may run?
--
-- ARGV: prefix, owner (`<queue>:<job>`), stalls (how often BullMQ has taken the job from a lost holder), park (the model
--       that no worker serves, or ''), then for each request: ref, epoch
-- Returns {now_ms, then for each request one of
--   'run', epoch, deadline, crashes   run it under this epoch
--   'skip', 0, 0, 0                   settled, refused, or another job owns it
--   'committed', epoch, 0, 0          it has a result, which its lost holder did not publish
--   'expired', epoch, deadline, …     its deadline has passed: settle it as a timeout
--   'late', epoch, deadline, …        a gateway has ended it as a timeout: it becomes a dead letter, then `bury` it
--   'parked', epoch, deadline, …      it waits for a worker of its model}
local prefix, owner, stalls, park = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local now = now_ms()
local reply = { now }
-- Calls with one key may travel in one bundle: the first of them runs.
local seen = {}
for i = 5, #ARGV, 2 do
  local ref = ARGV[i]
  local record = prefix .. ':r:' .. ref
  local found =
    redis.call('HMGET', record, 'state', 'owner', 'epoch', 'deadline', 'bytes', 'mode', 'stalls', 'held', 'crashes', 'end')
  local state, held = found[1], found[8]
  local verdict, epoch, deadline, crashes = 'skip', 0, 0, 0
  if state and found[2] == owner and not seen[ref] then
    seen[ref] = true
    epoch, deadline, crashes = tonumber(found[3]), tonumber(found[4]), tonumber(found[9])
    if state == 'settled' then
      if found[10] == 'timeout' then
        verdict = 'late'
      else
        release(prefix, ref, found[5], held)
      end
    elseif state == 'committed' then
      verdict = 'committed'
    elseif epoch >= tonumber(ARGV[i + 1]) then
      if stalls > tonumber(found[7]) then
        -- A new epoch fences whatever the lost holder may still send.
        epoch = epoch + 1
        crashes = crashes + 1
        redis.call('HSET', record, 'epoch', epoch, 'crashes', crashes, 'stalls', stalls)
      end
      if deadline <= now then
        verdict = 'expired'
      elseif park ~= '' then
        verdict = 'parked'
        if not held or held == '' then
          count_parked(prefix, record, park, tonumber(found[5]), 1)
        end
      else
        verdict = 'run'
        if held and held ~= '' then
          count_parked(prefix, record, held, tonumber(found[5]), -1)
        end
        -- Only who polls a job ever sees it.
        if found[6] == 'job' then
          redis.call('HSET', record, 'state', 'running')
        end
      end
    end
  end
  reply[#reply + 1] = verdict
  reply[#reply + 1] = epoch
  reply[#reply + 1] = deadline
  reply[#reply + 1] = crashes
end
finish()
return reply
