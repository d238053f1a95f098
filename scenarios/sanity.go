package scenarios

import (
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/faults"
)

// sanity is what must be well when nothing is broken: 200, and not a line in the log.
var sanity = []harness.Scenario{
	well("http", nginx("proxy.conf"), harness.Request{}, bothApps()),
	well("upload", nginx("proxy-upload.conf"), harness.Request{Method: "POST", Body: strings.Repeat("x", 1<<10), BodyTimes: 1 << 10}, bothApps()),
	well("pool", nginx("pool.conf"), harness.Request{}, poolTwins(nil, faults.Visit{Status: 200})),
	well("keepalive", nginx("proxy-keepalive.conf"), harness.Request{}, bothApps(faults.Visit{Status: 200})),
	well("name", byName, harness.Request{}, bothApps()),
	well("https", verifying, harness.Request{}, []harness.Twin{
		{Kind: harness.Real, Upstreams: []harness.Upstream{tlsOrigin("origin-tls.conf", goodCertificate)}},
		{Kind: harness.Fake, Upstreams: tlsFake(fakeupstream.TLSNoCloseNotify).Upstreams},
	}),
}

func well(what string, gateway harness.Gateway, ask harness.Request, twins []harness.Twin) harness.Scenario {
	return harness.Scenario{
		ID:      "well-" + what,
		Claim:   "Nothing is broken (" + what + "): 200 at once, one try, and nothing in the error log.",
		Family:  "sanity",
		Gateway: gateway,
		Ask:     ask,
		Fault:   "nothing is broken",
		Twins:   twins,
		Expect:  harness.Expectation{Status: 200, Tries: 1},
		Confirm: "curl -si http://GATEWAY/ answers 200, and the error log has no new line.",
		Remedy:  "None is needed.",
		Source:  proxyPass,
	}
}
