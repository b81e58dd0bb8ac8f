-- Return for how many milliseconds Redis has kept all counters: 0 at first, and again after it lost its data.
-- Upholds no constraint: the answer says what may have been lost.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = redis.call('GET', KEYS[1])
if not since then
  redis.call('SET', KEYS[1], now)
  return 0
end
return now - tonumber(since)
