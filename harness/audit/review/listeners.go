package review

import (
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// listeners are rules of what a server takes from its visitors.
var listeners = []audit.Rule{
	{
		ID: "tls-port-plain", Severity: "high", Title: "the port of HTTPS is served without TLS", Static: true,
		Why: "The server has a certificate and never shows it: without ssl at its listen nginx speaks plain HTTP there. Browsers say " +
			"that the record is too long or the protocol wrong, and the access log has 400s of bytes that nobody can read.",
		Source: "https://nginx.org/en/docs/http/configuring_https_servers.html", Find: tlsPortPlain,
	},
	{
		ID: "small-request-buffer", Severity: "medium", Title: "the limit for a line of the request is below nginx's own", Static: true,
		Why: "One line has to fit into one of these buffers, and all cookies of a site are one line. Whoever has a few more, or a long " +
			"token, gets a 400 for each page until he deletes them; a long URL is a 414. nginx's own limit is 8 KiB.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers", Find: smallRequestBuffer,
	},
}

// tlsPortPlain leaves alone a socket that another server has TLS on: it is one for all its servers.
func tlsPortPlain(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	routes := byBlock(e)
	secured := map[string]bool{}
	for _, d := range e.Config.Find("listen") {
		if len(d.Args) > 0 && (slices.Contains(d.Args, "ssl") || isOn(d.Parent, "ssl")) {
			secured[d.Args[0]] = true
		}
	}
	for _, d := range e.Config.Find("listen") {
		server := d.Parent
		if len(d.Args) == 0 || server == nil || d.Within("http") == nil && d.Within("stream", "mail") != nil || own(server, "ssl_certificate") == nil || secured[d.Args[0]] ||
			slices.Contains(d.Args, "quic") || d.Args[0] != "443" && !strings.HasSuffix(d.Args[0], ":443") {
			continue
		}
		g := group{cause: causedBy(d), observations: routes[server]}
		args := append([]string{d.Args[0], "ssl"}, d.Args[1:]...)
		all = append(all, g.reading("port 443 is served without TLS", again(d)+" has no ssl, and the server has a certificate", g.patch(rewritten(d, args...))))
	}
	return all
}

// usualBuffer is nginx's own limit for one line of a request.
const usualBuffer = 8 << 10

func smallRequestBuffer(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	routes := byBlock(e)
	for _, d := range e.Config.Find("large_client_header_buffers") {
		if len(d.Args) != 2 {
			continue
		}
		size, err := nginxconf.Size(d.Args[1])
		if err != nil || size >= usualBuffer {
			continue
		}
		g := group{cause: causedBy(d), observations: routes[d.Parent]}
		all = append(all, g.reading("cookies and URLs of more than "+d.Args[1]+" are refused", again(d)+" is below nginx's own 4 of 8k",
			g.patch(rewritten(d, "4", "16k"))))
	}
	return all
}
