-- Checkout redemptions, each reserved and then confirmed by the same shopper. Arguments: threads, shoppers, the file of the cart
-- (with %ORDER%), and a name for the run, since an order has one live redemption.
local common = dofile("common.lua")
local threads, count = {}, 0

function setup(thread)
  thread:set("number", count)
  threads[#threads + 1] = thread
  count = count + 1
end

function init(args)
  stride = tonumber(args[1])
  common.read(args[2])
  cart = io.open(args[3]):read("*a")
  run, order, confirmed, reservations = args[4], number, 0, {}
end

function request()
  local reservation = table.remove(reservations)
  if reservation then
    return common.post("/api/v1/checkout/redemptions/" .. reservation.id .. "/confirm/", reservation.order, "{}")
  end
  order = order + stride
  local body = cart:gsub("%%ORDER%%", run .. "-" .. order)
  return common.post("/api/v1/checkout/redemptions/", order, body)
end

function response(status, headers, body)
  if status == 201 then
    reservations[#reservations + 1] = { id = body:match('"id": ?"([%x-]+)"'), order = tonumber(body:match('"order": ?"[^"]-%-(%d+)"')) }
  elseif status == 200 then
    confirmed = confirmed + 1
  end
end

function done(summary, latency)
  local total = 0
  for _, thread in ipairs(threads) do
    total = total + thread:get("confirmed")
  end
  common.print_result(summary, latency, total)
end
