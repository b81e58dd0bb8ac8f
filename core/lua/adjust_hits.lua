-- Take up to ARGV[2] of the ARGV[3] hits of a fixed window of ARGV[1] milliseconds, or return as many if it is negative.
-- Upholds no constraint: a rate limit may be lost with Redis.
-- Hits are returned only to the window that ends at ARGV[4]. Returns
-- {change, milliseconds left, end of the window, hits before}.
local count, ends = tonumber(ARGV[2]), redis.call('PEXPIRETIME', KEYS[1])
if count < 0 and ends ~= tonumber(ARGV[4]) then return {0, 0, ends, 0} end
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local change = math.max(-used, math.min(count, math.max(0, tonumber(ARGV[3]) - used)))
if change ~= 0 then redis.call('INCRBY', KEYS[1], change) end
if ends < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  ends = redis.call('PEXPIRETIME', KEYS[1])
end
return {change, redis.call('PTTL', KEYS[1]), ends, used}
