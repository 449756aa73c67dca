-- Changes the traffic record of one model, if it still is what its writer has seen, and tells everybody.
--
-- KEYS: the hash of records (field `*`: grows with every change of any of them)
-- ARGV: model, epoch that is expected (0: there is no record), the record as JSON; its epoch is set here
-- Returns {1, the record that is in force now} or {0, the record that was found, or ''}
local model, expected = ARGV[1], tonumber(ARGV[2])
local found = redis.call('HGET', KEYS[1], model) or ''
local epoch = found == '' and 0 or tonumber(string.match(found, '^{"epoch":(%d+)'))
if epoch ~= expected then
  return { 0, found }
end
-- By the clock, so that it also grows when Redis has lost the record that was there.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local version = math.max(tonumber(redis.call('HGET', KEYS[1], '*') or '0') + 1, epoch + 1, now)
local record = string.format('{"epoch":%.0f', version) .. string.sub(ARGV[3], #'{"epoch":0' + 1)
redis.call('HSET', KEYS[1], model, record)
redis.call('HSET', KEYS[1], '*', string.format('%.0f', version))
redis.call('PUBLISH', KEYS[1], record)
return { 1, record }
