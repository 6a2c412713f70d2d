-- wrk: posts the bodies of a file, one JSON object a line, one after the other.
--   wrk ... -s post.lua URL -- FILE
local requests = {}
local at = 0

function init(args)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = wrk.headers["Content-Type"] or "application/json"
    for line in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format(nil, nil, nil, line)
    end
    -- Threads begin at different places.
    math.randomseed(tonumber(tostring(requests):match("0x(%x+)"), 16) % 2147483647)
    at = math.random(#requests)
end

function request()
    at = at % #requests + 1
    return requests[at]
end
