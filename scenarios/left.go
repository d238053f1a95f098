package scenarios

import (
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// stagedLeft is a visitor who goes before a slow application has answered.
var stagedLeft = staged{
	name: "left", family: "visitor", causes: []string{"K1", "J6"},
	fault: "the application takes 90 s, and the visitor leaves as soon as it has his request", variants: stagedSlow.variants,
	confirm: "In the gateway's access log: how long such visitors waited differs from one to the next; where it is always the same, a gateway in " +
		"front has given up.",
	remedy: "Make the page quicker: these lines say which.",
}

// visitorLeft is what follows: no answer, one try, and what the gateway logs of it.
func visitorLeft(log ...scenario.LogLine) scenario.Expectation {
	return scenario.Expectation{NoAnswer: "left", Tries: 1, Log: log}
}

// leaving is the scenario of it behind a gateway.
func leaving(g lab.Gateway, r reaction) scenario.Scenario {
	s := stagedLeft.behind(g, r)
	s.Leaves = true
	return s
}

// left are the visitors who leave behind the other gateways; nginx has visitor-leaves.
var left = []scenario.Scenario{
	leaving(apacheOwnConnections(), reaction{
		claim: "The visitor goes before the answer has come: at that moment Apache logs nothing.", expect: visitorLeft(), source: apacheProxy,
	}),
	leaving(onHAProxy("proxy.cfg"), reaction{
		claim: "The visitor goes before the answer has come: at that moment HAProxy logs nothing.", expect: visitorLeft(), source: haproxyStates,
	}),
	leaving(onLighttpd("proxy.conf"), reaction{
		claim: "The visitor goes before the answer has come: at that moment lighttpd logs nothing.", expect: visitorLeft(), source: lighttpdProxy,
	}),
	leaving(onCaddy("proxy.caddyfile"), reaction{
		claim: "The visitor goes before the answer has come: at that moment Caddy logs nothing.", expect: visitorLeft(), source: caddyProxy,
	}),
	leaving(onSquid("proxy.conf"), reaction{
		claim:  "The visitor goes before the answer has come: Squid logs TCP_MISS_ABORTED with the status 000 and ERR_CLIENT_GONE, at once.",
		expect: visitorLeft(scenario.LogLine{Level: "error", Code: "ERR_CLIENT_GONE", Text: "TCP_MISS_ABORTED/000 FIRSTUP_PARENT/10.0.0.5"}),
		source: squidManual,
	}),
}
