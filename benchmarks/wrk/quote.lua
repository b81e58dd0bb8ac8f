-- Quotes of one cart by many shoppers. Arguments: threads, shoppers, the file of the cart.
local common = dofile("common.lua")
local count = 0

function setup(thread)
  thread:set("number", count)
  count = count + 1
end

function init(args)
  stride = tonumber(args[1])
  common.read(args[2])
  cart = io.open(args[3]):read("*a")
  shopper = number
end

function request()
  shopper = shopper + stride
  return common.post("/api/v1/checkout/quote/", shopper, cart)
end

function done(summary, latency)
  common.print_result(summary, latency, 0)
end
