package measure

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// manyMeasurements is from how many measurements on routes that are alike are measured once.
const manyMeasurements = 4000

// markSameRoutes marks routes that differ in nothing but their names and addresses, where there are very many.
func (s *session) markSameRoutes(routes []*route) {
	upstreams := slices.DeleteFunc(slices.Clone(s.options.FaultList), func(f audit.Fault) bool { return f.Visitor })
	if s.options.Everything || 2*len(routes)*len(upstreams) <= manyMeasurements {
		return
	}
	first, n := map[string]string{}, 0
	forms := newRouteDigests()
	for _, r := range routes {
		if !r.Reached {
			continue
		}
		form := forms.of(r)
		if id, known := first[form]; known {
			r.SameAs = id
			n++
			continue
		}
		first[form] = r.ID
	}
	if n > 0 {
		s.report.Notes = append(s.report.Notes, fmt.Sprintf(
			"%d routes differ from another in nothing but names and addresses, and were not measured on their own (--every-route does)", n))
	}
}

// routeDigests are how routes behave, as sums: the lines of an http block with very many are gone through once, not for each route.
type routeDigests struct {
	own   map[*nginxconf.Directive]digest // of a block's own lines
	pools map[*nginxconf.Directive]digest
}

type digest = [sha256.Size]byte

func newRouteDigests() *routeDigests {
	return &routeDigests{map[*nginxconf.Directive]digest{}, map[*nginxconf.Directive]digest{}}
}

// sum is that of lines, in whatever order they stand.
func sum(lines []string) digest {
	sort.Strings(lines)
	return sha256.Sum256([]byte(strings.Join(lines, "\n")))
}

// written is a directive in one line.
func written(d *nginxconf.Directive, args []string) string { return fmt.Sprintf("%q %q", d.Name, args) }

// of is all that decides how a route behaves, without names and addresses.
func (f *routeDigests) of(r *route) string {
	var around []digest
	for b := r.conf.Location; b != nil; b = b.Parent {
		around = append(around, f.block(b))
	}
	var pool digest
	if u := r.conf.Target.Block; u != nil {
		pool = f.pool(u)
	}
	return fmt.Sprint(r.Protocol, r.Role, r.Dynamic, r.conf.Target.Variables, len(r.keys), r.request.candidate.Listen.TLS, r.Healthy.Status, around, pool)
}

func (f *routeDigests) block(b *nginxconf.Directive) digest {
	known, ok := f.own[b]
	if ok {
		return known
	}
	lines := []string{"in " + b.Name}
	for _, d := range b.Block {
		switch d.Name {
		case "listen", "server_name", "root", "alias", "access_log", "error_log", "ssl_certificate", "ssl_certificate_key",
			"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass", "include":
		default:
			if d.Block == nil {
				lines = append(lines, written(d, d.Args))
			}
		}
	}
	f.own[b] = sum(lines)
	return f.own[b]
}

func (f *routeDigests) pool(u *nginxconf.Directive) digest {
	known, ok := f.pools[u]
	if ok {
		return known
	}
	var lines []string
	for _, d := range u.Block {
		if d.Name == "server" && len(d.Args) > 0 {
			lines = append(lines, written(d, d.Args[1:]))
		} else if d.Block == nil {
			lines = append(lines, written(d, d.Args))
		}
	}
	f.pools[u] = sum(lines)
	return f.pools[u]
}
