-- Shared by all scripts: shoppers with their tokens, and one line of results at the end.
local M = { tokens = {}, customers = {} }

-- Reads "<customer> <token>" lines.
function M.read(path)
  for line in io.lines(path) do
    local customer, token = line:match("^(%S+) (%S+)$")
    M.customers[#M.customers + 1] = customer
    M.tokens[#M.tokens + 1] = token
  end
end

-- Build a POST of the shopper with this index, counted from 0; after the last shopper comes the first.
function M.post(path, shopper, body)
  local index = shopper % #M.tokens + 1
  return wrk.format("POST", path, {
    ["Authorization"] = "Bearer " .. M.tokens[index],
    ["Content-Type"] = "application/json",
    ["X-Customer"] = M.customers[index], -- for the plain function, which reads no tokens
  }, body)
end

function M.print_result(summary, latency, extra)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99), extra))
end

return M
