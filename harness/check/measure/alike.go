package measure

import (
	"fmt"
	"sort"
	"strings"

	"github.com/badgateway/badgateway/harness/nginxconf"
)

// manyCells is from how many cells on routes that are alike are measured once.
const manyCells = 4000

// alike marks routes that differ in nothing but their names and addresses, where there are very many.
func (s *session) alike(routes []*route) {
	if s.o.Everything || 2*len(routes)*len(s.o.FaultList) <= manyCells {
		return
	}
	first, n := map[string]string{}, 0
	for _, r := range routes {
		if !r.Reached {
			continue
		}
		form := formOf(r)
		if id, known := first[form]; known {
			r.Like = id
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

// formOf is all that decides how a route behaves, without names and addresses.
func formOf(r *route) string {
	var lines []string
	add := func(d *nginxconf.Directive) {
		if d.Block == nil {
			lines = append(lines, d.Name+" "+strings.Join(d.Args, " "))
		}
	}
	for b := r.way.Location; b != nil; b = b.Parent {
		for _, d := range b.Block {
			switch d.Name {
			case "listen", "server_name", "root", "alias", "access_log", "error_log", "ssl_certificate", "ssl_certificate_key",
				"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass", "include":
			default:
				add(d)
			}
		}
		lines = append(lines, "in "+b.Name)
	}
	if u := r.way.Target.Block; u != nil {
		for _, d := range u.Block {
			if d.Name == "server" && len(d.Args) > 0 {
				lines = append(lines, "server "+strings.Join(d.Args[1:], " "))
				continue
			}
			add(d)
		}
	}
	sort.Strings(lines)
	return fmt.Sprint(r.Protocol, r.Role, r.Open, r.way.Target.Variables, len(r.keys), r.request.ask.Listen.TLS, r.Healthy.Status, lines)
}
