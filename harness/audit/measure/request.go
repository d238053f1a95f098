package measure

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

// The client's own name and password, which every password file of the lab's making knows.
const clientAuthorization = "Basic YmFkZ2F0ZXdheTpiYWRnYXRld2F5" // badgateway:badgateway

// form is the body of a POST.
const form = "badgateway=1"

// A request is how a route is asked for.
type request struct {
	candidate nginxconf.Candidate
	stream    bool
	udp       bool
	auth      bool // the location asks for a password
	cert      string
	key       string // with cert, what servers that verify their clients accept
}

// connectAddress is the address that the client connects to.
func connectAddress(l nginxconf.Listen) string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	host := l.Address
	switch host {
	case "", "*", "0.0.0.0":
		host = lab.GatewayAddress
	case "::":
		host = "::1"
	case "localhost":
		host = "127.0.0.1"
	default:
		if _, err := netip.ParseAddr(host); err != nil {
			host = lab.GatewayAddress // a name; all of them lead here
		}
	}
	return net.JoinHostPort(host, fmt.Sprint(l.Port))
}

// withArgument is the request with a further argument in its URI.
func (r request) withArgument(argument string) request {
	switch {
	case argument == "" || r.stream:
	case strings.Contains(r.candidate.URI, "?"):
		r.candidate.URI += "&" + argument
	default:
		r.candidate.URI += "?" + argument
	}
	return r
}

// withHeader is the request with further fields in its header, or others of the same name.
func (r request) withHeader(more map[string]string) request {
	header := maps.Clone(r.candidate.Header)
	if header == nil {
		header = map[string]string{}
	}
	maps.Copy(header, more)
	r.candidate.Header = header
	return r
}

// spec is the request as the lab takes it.
func (r request) spec(method string, steps []time.Duration, limit time.Duration) lab.ProbeSpec {
	a := r.candidate
	s := lab.ProbeSpec{
		From: a.From, To: connectAddress(a.Listen), TLS: a.Listen.TLS || r.stream && a.TLSName != "", ServerName: a.TLSName, Proxy: a.Listen.Proxy,
		ALPN: a.ALPN, TLSMax: a.TLSMax, HTTP2: a.Listen.H2C && !r.stream, Cert: r.cert, Key: r.key, Steps: steps, Limit: limit, Stream: r.stream, UDP: r.udp,
	}
	if r.stream {
		s.Raw = []byte("badgateway\r\n")
		return s
	}
	header := map[string]string{"User-Agent": "Mozilla/5.0 (badgateway)", "Accept": "*/*", "Connection": "close"}
	if r.auth {
		header["Authorization"] = clientAuthorization
	}
	for n, v := range a.Header {
		header[n] = v
	}
	if method == "POST" || method == "PUT" || method == "PATCH" {
		s.Body = form
		if header["Content-Type"] == "" { // a call of gRPC has its own
			header["Content-Type"] = "application/x-www-form-urlencoded"
		}
		header["Content-Length"] = fmt.Sprint(len(form))
	}
	s.Head = method == "HEAD"
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, a.URI, a.Host)
	names := make([]string, 0, len(header))
	for n := range header {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", n, header[n])
	}
	b.WriteString("\r\n")
	s.Raw = []byte(b.String())
	return s
}

// shown is the request as reports show it.
func (r request) shown(method string) audit.ClientRequest {
	a := r.candidate
	s := audit.ClientRequest{Method: method, To: connectAddress(a.Listen), Header: a.Header}
	switch {
	case r.udp:
		s.Method, s.URL = "UDP", "udp://"+s.To
	case r.stream:
		s.Method, s.URL = "TCP", "tcp://"+s.To
		if a.TLSName != "" {
			s.URL = "tls://" + net.JoinHostPort(a.TLSName, fmt.Sprint(a.Listen.Port))
		}
	default:
		scheme, usual := "http", 80
		if a.Listen.TLS {
			scheme, usual = "https", 443
		}
		host := a.Host
		if a.Listen.Port != usual && a.Listen.Port != 0 && !strings.Contains(host, ":") {
			host = net.JoinHostPort(host, fmt.Sprint(a.Listen.Port))
		}
		s.URL = scheme + "://" + host + a.URI
	}
	return s
}

// applyPolicyRequest takes the request that the policy gives for a route in place of those that were worked out.
func (s *session) applyPolicyRequest(r *route) {
	if s.options.Policy == nil {
		return
	}
	said, ok := s.options.Policy.Request(r.ID)
	if !ok {
		return
	}
	candidate := nginxconf.Candidate{Method: said.Method, URI: said.Path, Header: said.Header}
	if len(r.conf.Candidates) > 0 {
		candidate.Listen, candidate.Host, candidate.TLSName = r.conf.Candidates[0].Listen, r.conf.Candidates[0].Host, r.conf.Candidates[0].TLSName
	} else if len(r.conf.Listens) > 0 {
		candidate.Listen = r.conf.Listens[0]
		if len(r.conf.Names) > 0 {
			candidate.Host = r.conf.Names[0]
		}
	}
	if u, err := url.Parse(said.URL); err == nil && said.URL != "" {
		candidate.Host, candidate.URI, candidate.TLSName = u.Host, u.RequestURI(), u.Hostname()
		for _, l := range r.conf.Listens {
			if l.TLS == (u.Scheme == "https") && (u.Port() == "" || u.Port() == fmt.Sprint(l.Port)) {
				candidate.Listen = l
				break
			}
		}
	}
	if !candidate.Listen.TLS {
		candidate.TLSName = ""
	}
	r.conf.Candidates, r.conf.UnreachableReason = []nginxconf.Candidate{candidate}, ""
}
