package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// next503 makes a 503 of one server a reason to ask the next.
const next503 = "proxy_next_upstream error timeout http_503;"

// benched lets so much time pass that a server which failed is asked again: fail_timeout, and as nginx counts whole
// seconds, one more.
var benched = fault.Wait{For: 11500 * time.Millisecond}

// second is the second server of the pool, with one of the configs nginx/origin-second*.conf.
func second(conf string) lab.Upstream {
	return backend.Origin{Name: "second", Listen: secondApp, Conf: text("nginx/" + conf)}.Upstream()
}

var (
	realPool = []lab.Upstream{origin("origin.conf"), second("origin-second.conf")}
	fakePool = []lab.Upstream{fakeApp(), {Name: "second", Fake: &fakeupstream.Spec{Listen: secondApp}}}
)

// poolVariants are the variants that are broken, and remedied, in the same way.
func poolVariants(remedy []fault.Fault, breaks ...fault.Fault) []scenario.Variant {
	return []scenario.Variant{
		{Kind: scenario.Real, Upstreams: realPool, Inject: breaks, Remedy: remedy},
		{Kind: scenario.Fake, Upstreams: fakePool, Inject: breaks, Remedy: remedy},
	}
}

// secondCloses are the variants whose second server closes without an answer.
var secondCloses = []scenario.Variant{
	{
		Kind: scenario.Real, Upstreams: realPool,
		Inject: []fault.Fault{fault.Replace{Upstream: second("origin-second-ill.conf")}},
	},
	{
		Kind: scenario.Fake, Upstreams: fakePool,
		Inject: []fault.Fault{scripted("second", fakeupstream.Close{At: fakeupstream.AtRequest})},
	},
}

// bothIn503 are the variants whose servers both answer 503, and what happened before the client asks.
func bothIn503(before ...fault.Fault) []scenario.Variant {
	ill := fakeupstream.Well{Status: 503, Body: "Back at 14:00.\n"}
	return []scenario.Variant{
		{
			Kind: scenario.Real, Upstreams: realPool,
			Inject: append([]fault.Fault{
				fault.Replace{Upstream: origin("origin-ill.conf")}, fault.Replace{Upstream: second("origin-second-ill.conf")},
			}, before...),
			Remedy: []fault.Fault{fault.Replace{Upstream: realPool[0]}, fault.Replace{Upstream: realPool[1]}, benched},
		},
		{
			Kind: scenario.Fake, Upstreams: fakePool,
			Inject: append([]fault.Fault{scripted("app", ill), scripted("second", ill)}, before...),
			Remedy: []fault.Fault{fault.Replace{Upstream: fakePool[0]}, fault.Replace{Upstream: fakePool[1]}, benched},
		},
	}
}

// silentVariants are the variants of which these servers hang, in the order in which they are asked.
func silentVariants(names ...string) []scenario.Variant {
	hang := scenario.Variant{Kind: scenario.Real, Upstreams: realPool}
	silent := scenario.Variant{Kind: scenario.Fake, Upstreams: fakePool}
	for _, n := range names {
		hang.WaitFor = append(hang.WaitFor, lab.ConnectionAt(n))
		silent.WaitFor = append(silent.WaitFor, lab.RequestAt(n))
		hang.Inject = append(hang.Inject, fault.Freeze{Upstream: n})
		silent.Inject = append(silent.Inject, scripted(n, fakeupstream.Silent{}))
	}
	return []scenario.Variant{hang, silent}
}

// scripted makes a fake upstream meet every request in that way.
func scripted(name string, b fakeupstream.Behaviour) fault.Fault {
	return fault.SetBehaviour{Upstream: name, Script: fakeupstream.Always(b)}
}

// poolWith is the gateway of the pool with one more directive.
func poolWith(directive string) lab.Gateway {
	const pass = "proxy_pass http://app;"
	return nginxWith("pool.conf", pass, pass+"\n            "+directive)
}

// nginxWith is the gateway with a config of which one piece is another.
func nginxWith(conf, old, new string) lab.Gateway {
	g := onNginx(conf)
	g.Config = changed(conf, old, new)
	return g
}
