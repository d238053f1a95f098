package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// appAddress is where the HTTP application of these families listens.
const appAddress = "10.0.0.5:8080"

// origin is a real application server with one of the configs nginx/origin*.conf.
func origin(conf string, files ...lab.File) lab.Upstream {
	return originOf(text("nginx/"+conf), files...)
}

// originOf is a real application server with that config.
func originOf(conf string, files ...lab.File) lab.Upstream {
	return backend.Origin{Name: "app", Listen: appAddress, Conf: conf, Files: files}.Upstream()
}

// fakeApp is its fake variant, which follows a script.
func fakeApp(script ...fakeupstream.Connection) lab.Upstream {
	return lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: appAddress, Script: script}}
}

// bothApps are the variants that are broken in the same way, outside of the application.
func bothApps(breaks ...fault.Fault) []scenario.Variant {
	return []scenario.Variant{
		{Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")}, Inject: breaks},
		{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeApp()}, Inject: breaks},
	}
}

// appBecomes are the variants whose application turns bad: the real one by another config, the fake by another script.
func appBecomes(conf string, b fakeupstream.Behaviour, files ...lab.File) []scenario.Variant {
	return []scenario.Variant{
		{
			Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")},
			Inject: []fault.Fault{fault.Replace{Upstream: origin(conf, files...)}},
		},
		fakeBecomes(b),
	}
}

// fakeBecomes is the variant whose fake application turns bad.
func fakeBecomes(b fakeupstream.Behaviour) scenario.Variant {
	return scenario.Variant{
		Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeApp()},
		Inject: []fault.Fault{scripted("app", b)},
	}
}

// indexPage is a file that a real application serves.
func indexPage(body string) lab.File {
	return lab.File{Path: "/var/www/index.html", Data: body}
}
