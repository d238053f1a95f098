package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/backends"
	"github.com/badgateway/badgateway/harness/faults"
)

// appAddress is where the HTTP application of these families listens.
const appAddress = "10.0.0.5:8080"

// origin is a real application server with one of the configs nginx/origin*.conf.
func origin(conf string, files ...harness.File) harness.Upstream {
	return backends.Origin{Name: "app", Listen: appAddress, Conf: text("nginx/" + conf), Files: files}.Upstream()
}

// fakeApp is its fake twin, which follows a script.
func fakeApp(script ...fakeupstream.Connection) harness.Upstream {
	return harness.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: appAddress, Script: script}}
}

// does is a script in which every request meets that behaviour.
func does(b fakeupstream.Behaviour) fakeupstream.Connection { return fakeupstream.Connection{b} }

// bothApps are the twins that are broken in the same way, outside of the application.
func bothApps(breaks ...harness.Change) []harness.Twin {
	return []harness.Twin{
		{Kind: harness.Real, Upstreams: []harness.Upstream{origin("origin.conf")}, Break: breaks},
		{Kind: harness.Fake, Upstreams: []harness.Upstream{fakeApp()}, Break: breaks},
	}
}

// appBecomes are the twins whose application turns bad: the real one by another config, the fake by another script.
func appBecomes(conf string, b fakeupstream.Behaviour, files ...harness.File) []harness.Twin {
	return []harness.Twin{
		{
			Kind: harness.Real, Upstreams: []harness.Upstream{origin("origin.conf")},
			Break: []harness.Change{faults.Become{Upstream: origin(conf, files...)}},
		},
		fakeBecomes(b),
	}
}

// fakeBecomes is the twin whose fake application turns bad.
func fakeBecomes(b fakeupstream.Behaviour) harness.Twin {
	return harness.Twin{
		Kind: harness.Fake, Upstreams: []harness.Upstream{fakeApp()},
		Break: []harness.Change{faults.Behave{Upstream: "app", Script: fakeupstream.Script{does(b)}}},
	}
}

// indexPage is a file that a real application serves.
func indexPage(body string) harness.File {
	return harness.File{Path: "/var/www/index.html", Data: body}
}
