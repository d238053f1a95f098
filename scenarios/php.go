package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// index is the script that the configs for PHP run for every path that is no file.
const index = "/var/www/index.php"

const (
	fpmAddress = "10.0.0.5:9000"
	fpmSocket  = "unix:/run/php/php8.2-fpm.sock"
)

// Signals by their numbers on Linux.
const (
	sighup  = 1
	sigquit = 3
	sigterm = 15
	sigcont = 18
	sigstop = 19
	sigusr2 = 12
)

// fpm is PHP-FPM on a host of its own, with a page that works.
var fpm = backend.PHPFPM{Name: "app", Listen: fpmAddress, Scripts: page("well.php")}

// fakeFPM is what plays PHP-FPM.
var fakeFPM = fakePHP(fpmAddress)

// page is a script of the folder php as the page that every client asks for.
func page(name string) map[string]string { return map[string]string{index: text("php/" + name)} }

// fpmWith is fpm with another page.
func fpmWith(name string) backend.PHPFPM {
	p := fpm
	p.Scripts = page(name)
	return p
}

func fakePHP(listen string) lab.Upstream {
	return lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: listen, Protocol: fakeupstream.FastCGI}}
}

// api is another service, which the page calls-api.php needs. It is a fake, so that it can be as slow as a scenario wants.
var api = lab.Upstream{Name: "api", Fake: &fakeupstream.Spec{Listen: "10.0.0.9:8080", Protocol: fakeupstream.HTTP}}

// realFPM is a variant on PHP-FPM.
func realFPM(p backend.PHPFPM, breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{Kind: scenario.Real, Upstreams: []lab.Upstream{p.Upstream()}, Inject: breaks}
}

// realFPMWithAPI is a variant on PHP-FPM whose page calls another service.
func realFPMWithAPI(p backend.PHPFPM, breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{
		Kind: scenario.Real, Upstreams: []lab.Upstream{p.Upstream(), api}, Inject: breaks, WaitFor: []lab.Condition{lab.RequestAt("api")},
	}
}

// fakeFPMDoes is a variant on the fake PHP-FPM, which behaves like that under the fault.
func fakeFPMDoes(b fakeupstream.Behaviour) scenario.Variant {
	return scenario.Variant{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeFPM}, Inject: []fault.Fault{scripted("app", b)}}
}

// slowAPI makes the other service take so long.
func slowAPI(d time.Duration) fault.Fault {
	return fault.SetBehaviour{Upstream: "api", Script: fakeupstream.Always(fakeupstream.Delay{For: d})}
}

// deploy puts another page in the place of the one that works.
func deploy(name string) fault.Fault {
	return fault.Deploy{Path: index, Text: text("php/" + name)}
}

// phpError is what a script's fatal error makes PHP send: its text for the gateway's log, and an answer with status 500
// and no body.
func phpError(text string) fakeupstream.Behaviour {
	return fakeupstream.FastCGIStderr{
		Text: "PHP message: " + text, Answer: fakeupstream.Well{Status: 500, Headers: []string{phpType}, NoBody: true},
	}
}

// phpType is the type of every answer of PHP that names none.
const phpType = "Content-Type: text/html; charset=UTF-8"

// stderr is the line for what PHP wrote to FastCGI's error stream.
func stderr(text string) []scenario.LogLine {
	return []scenario.LogLine{{
		Level: "error", Text: `FastCGI sent in stderr: "` + text, Phase: readingHeader,
	}}
}

// fpmDirective is a config of the folder nginx with one more directive for PHP.
func fpmDirective(conf, line string) fault.Fault {
	const before = "include fastcgi_params;\n"
	return fault.Config{Conf: changed(conf, before, line+"\n            "+before)}
}
