-- Redemptions of one coupon, each by the next shopper. Arguments: threads, shoppers, the coupon.
local common = dofile("common.lua")
local count = 0

function setup(thread)
  thread:set("number", count)
  count = count + 1
end

function init(args)
  stride = tonumber(args[1])
  common.read(args[2])
  path = "/api/v1/coupons/" .. args[3] .. "/redemptions/"
  shopper = number
end

function request()
  shopper = shopper + stride
  return common.post(path, shopper, "{}")
end

function done(summary, latency)
  common.print_result(summary, latency, 0)
end
