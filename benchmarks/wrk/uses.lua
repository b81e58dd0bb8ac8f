-- Redemptions of discount codes: each request takes the next (code, shopper) pair. Arguments: threads, shoppers, first
-- pair, and the number of pairs after which to start again (only for redemptions that are to be rejected).
local common = dofile("common.lua")
local count = 0

function setup(thread)
  thread:set("number", count)
  count = count + 1
end

function init(args)
  stride = tonumber(args[1])
  common.read(args[2])
  pair = tonumber(args[3]) + number
  modulus = tonumber(args[4])
end

function request()
  local at = pair % modulus
  pair = pair + stride
  local code = math.floor(at / #common.tokens) + 1
  return common.post("/api/v1/discountcodeusage/", at, '{"discount_code":"BENCH' .. code .. '"}')
end

function done(summary, latency)
  common.print_result(summary, latency, 0)
end
