-- For wrk: each request brings the next token of a file. Arguments: the file, and whose turn it is, from 0.
-- Requests are written out before the load begins: while it runs, choosing one is all that is done here.
local requests = {}
local turn = 0

function init(args)
  for token in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. token })
  end
  turn = tonumber(args[2]) % #requests
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
