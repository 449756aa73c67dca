-- A dead letter is to run again: under which id? The first who asks decides it, for as long as the letter exists.
--
-- ARGV: prefix, ref, job (of the letter, in the queue `dead`), new id
-- Returns an id, or 'gone', or 'live': its request has a record yet, so a dispatcher may still add the letter again.
local prefix = ARGV[1]
local job = prefix .. ':dead:' .. ARGV[3]
if redis.call('EXISTS', prefix .. ':r:' .. ARGV[2]) == 1 then
  return 'live'
end
if redis.call('EXISTS', job) == 0 then
  return 'gone'
end
redis.call('HSETNX', job, 'redrivenAs', ARGV[4])
return redis.call('HGET', job, 'redrivenAs')
