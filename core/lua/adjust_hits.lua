-- Take up to ARGV[2] of the ARGV[3] hits of a fixed window of ARGV[1] milliseconds, or return as many if it is negative. Returns {change, milliseconds left}.
-- Upholds no constraint: a rate limit may be lost with Redis.
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local change = math.max(-used, math.min(tonumber(ARGV[2]), math.max(0, tonumber(ARGV[3]) - used)))
if change ~= 0 then redis.call('INCRBY', KEYS[1], change) end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]); left = tonumber(ARGV[1]) end
return {change, left}
