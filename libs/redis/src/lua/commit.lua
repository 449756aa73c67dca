-- The end of requests that a dispatcher ran. This decides; whoever comes second is told so.
--
-- ARGV: prefix, how ('record': only that, `publish` and the replies follow after WAIT; 'publish': make it visible at
--       once; 'reply': also send the answers here, which saves a call, but needs all keys on one server),
--       then for each request: ref, id, owner (`<queue>:<job>`), lock token, epoch, blob
-- Returns for each request the gateways that wait for it (comma-separated), or false where it was refused:
--   the lock is another's, the epoch is over, or it is settled.
local prefix, how = ARGV[1], ARGV[2]
local MAX_REPLY_BYTES, MAX_ENTRIES = 65536, 10000
local answers = {}
local locks = {}
local streams = {}

local function add_reply(gateways, id, blob)
  for gateway in string.gmatch(gateways, '[^,]+') do
    local fields = streams[gateway] or {}
    streams[gateway] = fields
    fields[#fields + 1] = id
    fields[#fields + 1] = #blob > MAX_REPLY_BYTES and '' or blob
  end
end

for i = 3, #ARGV, 6 do
  local ref, owner, token, epoch, blob = ARGV[i], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]
  local record = prefix .. ':r:' .. ref
  local lock = locks[owner]
  if lock == nil then
    lock = redis.call('GET', prefix .. ':' .. owner .. ':lock')
    locks[owner] = lock
  end
  local found = redis.call('HMGET', record, 'state', 'owner', 'epoch', 'gateways', 'keep', 'bytes', 'held')
  local answer = false
  if lock == token and found[2] == owner and found[3] == epoch then
    if found[1] == 'settled' then
      release(prefix, ref, found[6], found[7])
    elseif found[1] ~= 'committed' then
      answer = found[4]
      if how == 'record' then
        redis.call('HSET', record, 'state', 'committed', 'blob', blob)
      else
        write_terminal(prefix, ref, blob, found[5])
        release(prefix, ref, found[6], found[7])
        if how == 'reply' then
          add_reply(answer, ARGV[i + 1], blob)
        end
      end
    elseif how == 'record' and redis.call('HGET', record, 'blob') == blob then
      -- The same again: what became of the first try was not known.
      answer = found[4]
    end
  end
  answers[#answers + 1] = answer
end
finish()
for gateway, fields in pairs(streams) do
  redis.call('XADD', 'f:reply:' .. gateway, 'NOMKSTREAM', 'MAXLEN', '~', MAX_ENTRIES, '*', unpack(fields))
end
return answers
