-- For wrk: GET /v1/authorize of random tenants t0 … tN-1, the dialed numbers as PBXs send them.
--     wrk … -s authorize.lua URL -- TOKEN TENANTS SEED
-- The requests are made before the clock starts and then sent one after the other; at the end a line of
-- JSON is printed.

local COUNT = 32768
local shapes = { -- N is any digit; of ten calls, three go abroad
    "03NNNNNNNN", "06NNNNNNNN", "090NNNNNNNN", "080NNNNNNNN", "050NNNNNNNN", "0120NNNNNN",
    "03-NNNN-NNNN", "0101212NNNNNNN", "01044207NNNNNNN", "%2B1415NNNNNNN",
}
local requests, at = {}, 0

local function number()
    return (shapes[math.random(#shapes)]:gsub("N", function() return tostring(math.random(0, 9)) end))
end

function init(arguments)
    local token, tenants = arguments[1], tonumber(arguments[2])
    math.randomseed(tonumber(arguments[3]))
    wrk.headers["Authorization"] = "Bearer " .. token
    for i = 1, COUNT do
        local path = "/v1/authorize?tenant=t%d&account=1001&number="
        requests[i] = wrk.format("GET", path:format(math.random(0, tenants - 1)) .. number())
    end
end

function request()
    at = at % COUNT + 1
    return requests[at]
end

function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(('{"requests":%d,"per_s":%.1f,"p50_us":%d,"p99_us":%d,"failed":%d}\n'):format(
        summary.requests, summary.requests / summary.duration * 1e6, latency:percentile(50),
        latency:percentile(99), failed))
end
