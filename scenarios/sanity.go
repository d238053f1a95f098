package scenarios

import (
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// sanity is what must be healthy when nothing is broken: 200, and not a line in the log.
var sanity = []scenario.Scenario{
	healthy("http", onNginx("proxy.conf"), lab.Request{}, bothApps()),
	healthy("upload", onNginx("proxy-upload.conf"), lab.Request{Method: "POST", Body: strings.Repeat("x", 1<<10), BodyTimes: 1 << 10}, bothApps()),
	healthy("pool", onNginx("pool.conf"), lab.Request{}, poolVariants(nil, fault.OtherRequest{Status: 200})),
	healthy("keepalive", onNginx("proxy-keepalive.conf"), lab.Request{}, bothApps(fault.OtherRequest{Status: 200})),
	healthy("name", byName, lab.Request{}, bothApps()),
	healthy("https", verifying, lab.Request{}, []scenario.Variant{
		{Kind: scenario.Real, Upstreams: []lab.Upstream{tlsOrigin("origin-tls.conf", goodCertificate)}},
		{Kind: scenario.Fake, Upstreams: tlsFake(fakeupstream.TLSNoCloseNotify).Upstreams},
	}),
}

func healthy(what string, gateway lab.Gateway, ask lab.Request, variants []scenario.Variant) scenario.Scenario {
	return scenario.Scenario{
		ID:       "well-" + what,
		Claim:    "Nothing is broken (" + what + "): 200 at once, one try, and nothing in the error log.",
		Family:   "sanity",
		Gateway:  gateway,
		Ask:      ask,
		Fault:    "nothing is broken",
		Variants: variants,
		Expect:   scenario.Expectation{Status: 200, Tries: 1},
		Confirm:  "curl -si http://GATEWAY/ answers 200, and the error log has no new line.",
		Remedy:   "None is needed.",
		Source:   proxyPass,
	}
}
