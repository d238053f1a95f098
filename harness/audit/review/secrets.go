package review

import (
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var secrets = []audit.Rule{
	{
		ID: "tls-unverified", Severity: "medium", Title: "the upstream's TLS is not verified",
		Why: "Whoever can answer at the upstream's address reads and changes all that passes; TLS keeps only the curious out. " +
			"nginx does not verify unless it is told to.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify", Find: tlsUnverified,
	},
	{
		ID: "no-sni", Severity: "medium", Title: "no server name is sent to the upstream",
		Why: "An upstream that serves several names over TLS (an ingress, a CDN, a shared host) shows a wrong certificate or ends " +
			"the handshake. nginx sends no name unless it is told to.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_server_name", Find: noSNI,
	},
}

// authorityFile is where a patch has the certificate of the authority that signs the upstreams' certificates.
const authorityFile = "/etc/nginx/upstream-ca.crt"

func tlsUnverified(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.isFault("tls-expired", "tls-wrong-name") && s.trusted() {
			found.add(s.causeOf(s.name("ssl_verify")), s)
		}
	}
	return found.hoisted().findings(func(g *group) audit.Finding {
		s := g.observations[0]
		lines := []string{line(s.name("ssl_verify"), "on")}
		lacksAuthority := g.block == nil || len(nginxconf.Effective(g.block, s.name("ssl_trusted_certificate"))) == 0
		if lacksAuthority {
			lines = append(lines, line(s.name("ssl_trusted_certificate"), authorityFile)+" # of the authority that signs the upstream's")
		}
		m := g.patch(append(lines, s.sniLines(g)...)...)
		m.hangs = lacksAuthority // which is for the server's owner to put there
		return g.finding("the upstream's certificate is not verified", g.describe(s, s.outcome()+" from an upstream whose certificate is bad"), m)
	})
}

// trusted reports whether the upstream was taken for good: the client has what he has when all are healthy.
func (s observation) trusted() bool {
	if s.stream() {
		return s.NoAnswer == "" && !s.Cut
	}
	return s.Status != 0 && s.Status < 400 || s.Status != 0 && s.Status < 500 && s.Status == s.route.Healthy.Status
}

// noSNI finds names that are not sent, and an upstream block's name that is sent in place of a host's.
func noSNI(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range healthyObservations(e) {
		for _, c := range s.Calls {
			host := hostOf(c.Endpoint)
			if !c.TLS || !isName(host) {
				continue
			}
			if c.SNI == "" {
				found.add(s.causeOf(s.name("ssl_server_name")), s)
				break
			}
			if s.namesBlock(c.SNI, host) {
				found.add(s.causeOf(s.name("ssl_name")), s)
				break
			}
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		c := s.Calls[0]
		title, saw := "no server name is sent to "+c.Endpoint, "the handshake with "+c.Endpoint+" named no server"
		if c.SNI != "" {
			title = "the upstream block's name is sent to " + c.Endpoint + " as the server's"
			saw = fmt.Sprintf("the handshake with %s named %q", c.Endpoint, c.SNI)
		}
		return g.finding(title, g.describe(s, saw), g.patch(s.sniLines(g)...))
	})
}

// namesBlock reports whether the name that was sent is only that of the upstream block.
func (s observation) namesBlock(sni, host string) bool {
	return s.route.Upstream != "" && strings.EqualFold(sni, s.route.Upstream) && !strings.EqualFold(sni, host)
}

// sniLines send the upstream's name, and verify against it. An upstream block's own name is nobody's certificate's.
func (s observation) sniLines(g *group) []string {
	var lines []string
	if d := s.effective(s.name("ssl_server_name")); d == nil || len(d.Args) == 0 || d.Args[0] != "on" {
		lines = append(lines, line(s.name("ssl_server_name"), "on"))
	}
	if host := s.calledName(); s.conf.Target.Block != nil && isName(host) && s.effective(s.name("ssl_name")) == nil {
		lines = append(lines, line(s.name("ssl_name"), host))
	}
	if len(lines) == 0 {
		return nil
	}
	return lines
}
