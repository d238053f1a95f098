package measure

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/gateway"
)

// What the gateway asks the DNS for once it runs.
func TestDNSName(t *testing.T) {
	for want, p := range map[string]nginxconf.Peer{
		"shop.test":                {Host: "Shop.test.", Params: []string{"resolve"}},
		"_http._tcp.shop.test":     {Host: "shop.test", Params: []string{"resolve", "service=http"}},
		"_api._udp.wide.shop.test": {Host: "shop.test", Params: []string{"service=_api._udp.wide", "resolve"}},
	} {
		if got := dnsName(p); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A name that is none for the DNS is known by the address that it was given.
func TestKnownNames(t *testing.T) {
	s := &session{tree: &provision.Tree{Hosts: map[string]string{"198.19.255.1": "${node}"}}}
	if got := s.knownNames().name("198.19.255.1:443"); got != "${node}:443" {
		t.Errorf("got %s", got)
	}
}

func TestUnreachedReason_SaysWhatIsLogged(t *testing.T) {
	ask := audit.ClientRequest{Method: "GET", URL: "http://shop.test/"}
	log := []gateway.LogRecord{{Message: "no resolver defined"}}
	if why := unreachedReason(audit.Outcome{Status: 502, Log: log}, ask); !strings.HasSuffix(why, "the gateway calls nobody: no resolver defined") {
		t.Error(why)
	}
	if why := unreachedReason(audit.Outcome{Status: 404, Log: log}, ask); strings.Contains(why, "resolver") {
		t.Error(why)
	}
}
