-- Count a hit in a fixed window and return {hits, milliseconds left}, in one round trip, exact under any concurrency.
-- Upholds no constraint: a rate limit may be lost with Redis.
local hits = redis.call('INCR', KEYS[1])
if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]); left = tonumber(ARGV[1]) end
return {hits, left}
