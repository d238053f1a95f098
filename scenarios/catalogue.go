// Package scenarios is the catalogue: what can go wrong between a gateway and its upstreams, one value a failure, one
// file a theme. A family is a label, and may go through several files. The config files and scripts beside it are real, and
// can be copied.
package scenarios

import (
	"embed"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

//go:embed apache caddy haproxy lighttpd nginx php python squid trafficserver varnish
//go:embed guard httpd node resolver wordpress
var files embed.FS

// All is the catalogue, in the order in which one would learn it. A list that is missing here is in no run.
func All() []scenario.Scenario {
	all, said := catalogue(), contradicted()
	for i := range all {
		all[i].Said = said[all[i].ID]
	}
	return all
}

// catalogue is all scenarios as their files have them.
func catalogue() []scenario.Scenario {
	var all []scenario.Scenario
	for _, family := range [][]scenario.Scenario{
		firewall, guarded, inBrowser,
		answer, body, pool, chain, cached, protocol, tls, dns, dnsServer, staleAddress, limits, sanity,
		service, overUWSGI,
		onGunicorn, onNode, onHTTPD,
		sockets,
		restarts,
		timeouts,
		memory,
		overload,
		cpu,
		code,
		crashes,
		databases, caches, wordpress,
		overHAProxy, overLighttpd, overCaddy, overSquid, overTrafficServer, overVarnish,
		overApache, apacheAnswer, apacheTLS, apachePool, apachePHP, apacheTime,
	} {
		all = append(all, family...)
	}
	return all
}

// text is a file of the catalogue.
func text(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("the catalogue names a file that is not in the program (does go:embed in catalogue.go name its folder?): %v", err))
	}
	return string(b)
}

// onNginx is nginx as the gateway, with a config of the folder nginx.
func onNginx(conf string) lab.Gateway {
	return lab.Gateway{Driver: nginx.Driver, Config: text("nginx/" + conf)}
}

// changed is a config of the folder nginx in which one text is replaced by another.
func changed(conf, was, is string) string { return changedIn("nginx/"+conf, was, is) }

// changedIn is a file of the catalogue in which one text is replaced by another.
func changedIn(name, was, is string) string {
	before := text(name)
	if n := strings.Count(before, was); n != 1 {
		panic(fmt.Sprintf("the catalogue changes %q in %s, which has it %d times", was, name, n))
	}
	return strings.Replace(before, was, is, 1)
}
