-- Redemptions, each made and then confirmed by the same shopper. Arguments: threads, shoppers, the file of the cart
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
  run, order, confirmed, waiting = args[4], number, 0, {}
end

function request()
  local made = table.remove(waiting)
  if made then
    return common.post("/api/v1/checkout/redemptions/" .. made.id .. "/confirm/", made.order, "{}")
  end
  order = order + stride
  local body = cart:gsub("%%ORDER%%", run .. "-" .. order)
  return common.post("/api/v1/checkout/redemptions/", order, body)
end

function response(status, headers, body)
  if status == 201 then
    waiting[#waiting + 1] = { id = body:match('"id": ?"([%x-]+)"'), order = tonumber(body:match('"order": ?"[^"]-%-(%d+)"')) }
  elseif status == 200 then
    confirmed = confirmed + 1
  end
end

function done(summary, latency)
  local total = 0
  for _, thread in ipairs(threads) do
    total = total + thread:get("confirmed")
  end
  common.told(summary, latency, total)
end
