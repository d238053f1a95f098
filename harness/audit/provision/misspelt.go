package provision

import (
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// misspeltUpstream finds a pass directive whose host is rather the misspelt name of an upstream block: in the lab every name has an
// address, and elsewhere nginx would not start. In a complete file, where nothing else uses that block, it is refused; else noted.
func (t *Tree) misspeltUpstream() error {
	used := map[string]bool{}
	var passes []*nginxconf.Directive
	for _, d := range t.find("proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass") {
		if host := passedHost(d); host != "" {
			used[host] = true
			passes = append(passes, d)
		}
	}
	for _, d := range passes {
		host := passedHost(d)
		if strings.ContainsAny(host, ".:$[") || t.isUpstream(host) {
			continue
		}
		for _, u := range t.find("upstream") {
			if len(u.Args) == 0 || !oneSlip(host, u.Args[0]) {
				continue
			}
			if !t.Wrapper && !used[u.Args[0]] {
				return refuse("undefined", d.Place, "write the upstream's name there",
					"%q is no upstream of this config, which has %q (%s) and does not use it: nginx would look for a host of that name", host, u.Args[0], u.Place)
			}
			t.Notes = append(t.Notes, fmt.Sprintf("%q (%s) is no upstream of this config, which has %q: it was taken for the name of a host", host, d.Place, u.Args[0]))
		}
	}
	return nil
}

// passedHost is the name that a pass directive calls; empty where it has none, or a port beside it.
func passedHost(d *nginxconf.Directive) string {
	if len(d.Args) == 0 {
		return ""
	}
	host := d.Args[0]
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	return strings.ToLower(host)
}

func (t *Tree) isUpstream(name string) bool {
	for _, u := range t.find("upstream") {
		if len(u.Args) > 0 && strings.EqualFold(u.Args[0], name) {
			return true
		}
	}
	return false
}

// oneSlip reports whether two names differ by one letter that is missing, or is another, or by two that changed places. Figures
// count for nothing: app1 and app2 are two.
func oneSlip(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if len(a) > len(b) {
		a, b = b, a
	}
	if a == b || len(a) < 4 || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	digit := func(s string, at int) bool { return at < len(s) && s[at] >= '0' && s[at] <= '9' }
	if digit(a, i) || digit(b, i) {
		return false
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
