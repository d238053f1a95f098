// Package scenarios is the catalogue: what can go wrong between a gateway and its upstreams, one value a failure, one
// file a family. The config files and scripts beside it are real, and can be copied.
package scenarios

import (
	"embed"
	"fmt"

	"github.com/badgateway/badgateway/harness"
)

//go:embed nginx php
var files embed.FS

// All is the catalogue, in the order in which one would learn it.
func All() []harness.Scenario {
	var all []harness.Scenario
	for _, family := range [][]harness.Scenario{
		firewall,
		answer, body, pool, protocol, tls, dns, limits, sanity,
		service,
		sockets,
		restarts,
		timeouts,
		memory,
		overload,
		cpu,
		code,
		crashes,
	} {
		all = append(all, family...)
	}
	return all
}

// text is a file of the catalogue.
func text(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("the catalogue names a file that it does not have: %v", err))
	}
	return string(b)
}

// nginx is the gateway with a config of the folder nginx.
func nginx(conf string) harness.Gateway {
	return harness.Gateway{Program: harness.Nginx, Files: []harness.File{
		{Path: "/etc/nginx/nginx.conf", Data: text("nginx/" + conf)},
	}}
}
