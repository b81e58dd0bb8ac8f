-- What all scripts share: shoppers with their tokens, and one line of figures at the end.
local M = { tokens = {}, customers = {} }

-- Reads "<customer> <token>" lines.
function M.read(path)
  for line in io.lines(path) do
    local customer, token = line:match("^(%S+) (%S+)$")
    M.customers[#M.customers + 1] = customer
    M.tokens[#M.tokens + 1] = token
  end
end

-- A POST by shopper number `at`, counted from 0 and round and round.
function M.post(path, at, body)
  local index = at % #M.tokens + 1
  return wrk.format("POST", path, {
    ["Authorization"] = "Bearer " .. M.tokens[index],
    ["Content-Type"] = "application/json",
    ["X-Customer"] = M.customers[index], -- for the bare function, which reads no tokens
  }, body)
end

function M.told(summary, latency, extra)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99), extra))
end

return M
