-- wrk's part of the whole-answer cases: one request for ever, its body from the file that BENCH_BODY names, and at the
-- end one line of JSON in place of wrk's own rounding.
local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\nJSON {"requests":%d,"elapsedMs":%f,"failed":%d,"p50":%f,"p99":%f}\n',
    summary.requests, summary.duration / 1000, failed, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
