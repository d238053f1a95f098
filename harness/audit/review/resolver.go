package review

import (
	"net"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var resolvers = []audit.Rule{{
	ID: "blind-resolver", Severity: "high", Title: "the resolver does not know the name", Static: true,
	Why: "The resolver directive asks for the name as it stands: it reads neither /etc/hosts nor the search domains of " +
		"/etc/resolv.conf, by which short names are found elsewhere. Each request is a 502.",
	Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver", Find: blindResolver,
}}

// blindResolver goes by the name and the address of the resolver: the lab's own DNS answers for every name, so that no measurement
// can tell. Docker's knows short names, and of a private address nobody can read what it knows.
func blindResolver(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		name, d := s.lateName()
		if name == "" || d == nil || len(d.Args) == 0 || blind(d, name) == "" {
			continue
		}
		found.add(causedBy(d), s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		name, d := s.lateName()
		why := blind(d, name)
		m := g.patch("# give " + name + " in full: " + name + ".NAMESPACE.svc.cluster.local")
		if why == public {
			m = g.patch(dockersResolver + "; elsewhere a nameserver that knows " + name)
			m.hangs = true
		} else if why == unsaid {
			m = g.patch("# give " + name + " in full, with its domain")
		}
		f := g.reading("the resolver does not know "+name, d.Args[0]+" "+why, m)
		if why == unsaid {
			f.Title, f.Severity = "the resolver is asked for "+name+" alone, without a search domain", "low"
		}
		return f
	})
}

// What a resolver is.
const (
	public  = "is a public one, which knows no names of a network of one's own"
	cluster = "knows names in full alone, as nginx adds no search domain"
	unsaid  = "is asked for the name as it stands, as nginx adds no search domain"
)

// lateName is the first name of the route that is looked up while requests run, and the resolver that is asked for it.
func (s observation) lateName() (string, *nginxconf.Directive) {
	for _, d := range s.servers() {
		if len(d.Args) > 0 && slices.Contains(d.Args, "resolve") && isName(hostOf(d.Args[0])) && !slices.Contains(d.Args, "down") {
			if all := nginxconf.Effective(s.conf.Target.Block, "resolver"); len(all) > 0 {
				return hostOf(d.Args[0]), all[0]
			}
		}
	}
	if !s.conf.Target.Variables || s.conf.Target.Block != nil {
		return "", nil
	}
	for _, p := range s.conf.Target.Peers {
		if isName(p.Host) && inside(p.Host) {
			return p.Host, s.effective("resolver")
		}
	}
	return "", nil
}

// inside reports whether a name is one that only a network of one's own knows: without a dot, or below a domain that is nobody's.
func inside(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if isShort(name) {
		return true
	}
	for _, end := range []string{".local", ".internal", ".lan", ".home.arpa", ".consul", ".localdomain", ".intranet", ".svc", ".docker"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// blind says why a resolver does not know a name; empty where it may.
func blind(d *nginxconf.Directive, name string) string {
	servers := slices.DeleteFunc(slices.Clone(d.Args), func(a string) bool { return strings.Contains(a, "=") })
	if len(servers) == 0 || strings.Contains(strings.Join(servers, ""), "$") || !inside(name) {
		return ""
	}
	all := func(is func(string) bool) bool {
		return !slices.ContainsFunc(servers, func(a string) bool { return !is(strings.ToLower(hostOf(a))) })
	}
	switch {
	case all(func(host string) bool {
		a := net.ParseIP(host)
		return a != nil && a.IsGlobalUnicast() && !a.IsPrivate() && !net.IPv4(100, 64, 0, 0).Mask(net.CIDRMask(10, 32)).Equal(a.Mask(net.CIDRMask(10, 32)))
	}):
		return public
	case !isShort(name):
		return ""
	case all(func(host string) bool {
		return strings.HasSuffix(host, ".cluster.local") || strings.Contains(host, "kube-dns") || strings.Contains(host, "coredns") || host == "10.96.0.10" || host == "10.43.0.10"
	}):
		return cluster
	case all(func(host string) bool {
		return host == "127.0.0.11" || strings.HasPrefix(host, "127.") || host == "localhost" || host == "::1"
	}):
		return ""
	}
	return unsaid
}
