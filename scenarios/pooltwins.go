package scenarios

import (
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/backends"
	"github.com/badgateway/badgateway/harness/faults"
)

// next503 makes a 503 of one server a reason to ask the next.
const next503 = "proxy_next_upstream error timeout http_503;"

// benched lets so much time pass that a server which failed is asked again: fail_timeout, and as nginx counts whole
// seconds, one more.
var benched = faults.Wait{For: 11500 * time.Millisecond}

// second is the second server of the pool, with one of the configs nginx/origin-second*.conf.
func second(conf string) harness.Upstream {
	return backends.Origin{Name: "second", Listen: secondApp, Conf: text("nginx/" + conf)}.Upstream()
}

var (
	realPool = []harness.Upstream{origin("origin.conf"), second("origin-second.conf")}
	fakePool = []harness.Upstream{fakeApp(), {Name: "second", Fake: &fakeupstream.Spec{Listen: secondApp}}}
)

// poolTwins are the twins that are broken, and mended, in the same way.
func poolTwins(remedy []harness.Change, breaks ...harness.Change) []harness.Twin {
	return []harness.Twin{
		{Kind: harness.Real, Upstreams: realPool, Break: breaks, Remedy: remedy},
		{Kind: harness.Fake, Upstreams: fakePool, Break: breaks, Remedy: remedy},
	}
}

// secondCloses are the twins whose second server closes without an answer.
var secondCloses = []harness.Twin{
	{
		Kind: harness.Real, Upstreams: realPool,
		Break: []harness.Change{faults.Become{Upstream: second("origin-second-ill.conf")}},
	},
	{
		Kind: harness.Fake, Upstreams: fakePool,
		Break: []harness.Change{scripted("second", fakeupstream.Close{At: fakeupstream.AtRequest})},
	},
}

// bothIn503 are the twins whose servers both answer 503, and what happened before the visitor asks.
func bothIn503(before ...harness.Change) []harness.Twin {
	ill := fakeupstream.Well{Status: 503, Body: "Back at 14:00.\n"}
	return []harness.Twin{
		{
			Kind: harness.Real, Upstreams: realPool,
			Break: append([]harness.Change{
				faults.Become{Upstream: origin("origin-ill.conf")}, faults.Become{Upstream: second("origin-second-ill.conf")},
			}, before...),
			Remedy: []harness.Change{faults.Become{Upstream: realPool[0]}, faults.Become{Upstream: realPool[1]}, benched},
		},
		{
			Kind: harness.Fake, Upstreams: fakePool,
			Break:  append([]harness.Change{scripted("app", ill), scripted("second", ill)}, before...),
			Remedy: []harness.Change{faults.Become{Upstream: fakePool[0]}, faults.Become{Upstream: fakePool[1]}, benched},
		},
	}
}

// silentTwins are the twins of which these servers hang, in the order in which they are asked.
func silentTwins(names ...string) []harness.Twin {
	hang := harness.Twin{Kind: harness.Real, Upstreams: realPool, Held: strings.Join(names, ":connection,") + ":connection"}
	silent := harness.Twin{Kind: harness.Fake, Upstreams: fakePool, Held: strings.Join(names, ",")}
	for _, n := range names {
		hang.Break = append(hang.Break, faults.Freeze{Upstream: n})
		silent.Break = append(silent.Break, scripted(n, fakeupstream.Silent{}))
	}
	return []harness.Twin{hang, silent}
}

// scripted makes a fake upstream meet every request in that way.
func scripted(name string, b fakeupstream.Behaviour) harness.Change {
	return faults.Behave{Upstream: name, Script: fakeupstream.Script{does(b)}}
}

// poolWith is the gateway of the pool with one more directive.
func poolWith(directive string) harness.Gateway {
	const pass = "proxy_pass http://app;"
	return nginxWith("pool.conf", pass, pass+"\n            "+directive)
}

// nginxWith is the gateway with a config of which one piece is another.
func nginxWith(conf, old, new string) harness.Gateway {
	g := nginx(conf)
	g.Files[0].Data = changed(conf, old, new)
	return g
}
