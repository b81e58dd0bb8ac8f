-- Take or renew the lease ARGV[1] of ARGV[2] milliseconds, unless ARGV[3] others are held. Returns 1 if it was taken.
-- Upholds no constraint: leases may be lost with Redis, and their owners take them again.
-- A renewal has a negative ARGV[3] and is always granted.
local time = redis.call('TIME')
local now, limit = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if limit >= 0 and redis.call('ZCARD', KEYS[1]) >= limit then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
