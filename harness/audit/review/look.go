package review

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A sight is one fault on one route with one method, and the way there.
type sight struct {
	*audit.Measurement
	route *audit.Route
	way   *nginxconf.Route
	value time.Duration // of the directive to blame, for rules that speak of it
}

// sights are all measurements that say something of what the client gets: not those that were skipped or that the lab failed
// in, and none of a mirror, whose answer nobody sees. A route that is like another has its measurements.
func sights(e *audit.Evidence) []sight {
	cells := make(map[string][]audit.Measurement, len(e.Report.Routes))
	for _, r := range e.Report.Routes {
		cells[r.ID] = r.Cells
	}
	var all []sight
	for i := range e.Report.Routes {
		r := &e.Report.Routes[i]
		if r.Role == nginxconf.Mirror {
			continue
		}
		own := r.Cells
		if len(own) == 0 && r.SameAs != "" {
			own = cells[r.SameAs]
		}
		way := e.ConfigRoutes[r.ID]
		for j := range own {
			if c := &own[j]; c.Skipped == "" && c.Error == "" {
				all = append(all, sight{Measurement: c, route: r, way: &way})
			}
		}
	}
	return all
}

// healthy are the answers before any fault, in the form of sights without a fault.
func healthy(e *audit.Evidence) []sight {
	var all []sight
	for i := range e.Report.Routes {
		if r := &e.Report.Routes[i]; r.Role != nginxconf.Mirror {
			way := e.ConfigRoutes[r.ID]
			all = append(all, sight{Measurement: &audit.Measurement{Outcome: r.Healthy, Method: r.Ask.Method}, route: r, way: &way})
		}
	}
	return all
}

// of reports whether the sight is one of these faults.
func (s sight) of(faults ...string) bool { return slices.Contains(faults, s.Fault) }

// failed reports whether the client got an error, or nothing. A stream has no status.
func (s sight) failed() bool {
	if s.NotStarted != "" {
		return false
	}
	if s.stream() {
		return s.NoAnswer != "" || s.Cut
	}
	return s.Status == 0 || s.Status >= http.StatusInternalServerError
}

// prefix is what the directives of the way's protocol begin with.
func (s sight) prefix() string { return prefix(s.route.Protocol) }

// name is the name of a directive in the way's protocol: "read_timeout" is "fastcgi_read_timeout" there.
func (s sight) name(directive string) string { return s.prefix() + directive }

// effective is the directive that holds where the way's pass directive stands; nil when there is none.
func (s sight) effective(name string) *nginxconf.Directive {
	if s.way.Location == nil {
		return nil
	}
	if all := nginxconf.Effective(s.way.Location, name); len(all) > 0 {
		return all[0]
	}
	return nil
}

// all are all directives of that name that hold there.
func (s sight) all(name string) []*nginxconf.Directive {
	if s.way.Location == nil {
		return nil
	}
	return nginxconf.Effective(s.way.Location, name)
}

// stream reports whether the route is of a stream{} block, where there is neither status nor page.
func (s sight) stream() bool { return slices.Contains([]string{"tcp", "tls", "udp"}, s.route.Protocol) }

// upgrades reports whether the route passes on websockets, whose long silences are wanted.
func (s sight) upgrades() bool {
	for _, d := range s.all("proxy_set_header") {
		if len(d.Args) == 2 && strings.EqualFold(d.Args[0], "Upgrade") && d.Args[1] != "" {
			return true
		}
	}
	return false
}

// prefix is what the directives of a protocol begin with (https://nginx.org/en/docs/dirindex.html).
func prefix(protocol string) string {
	switch protocol {
	case "fastcgi", "scgi", "memcached":
		return protocol + "_"
	case "uwsgi", "suwsgi":
		return "uwsgi_"
	case "grpc", "grpcs":
		return "grpc_"
	}
	return "proxy_"
}

// logged reports whether a line of the gateway's log holds the text.
func (s sight) logged(text string) bool {
	for _, l := range s.Log {
		if strings.Contains(l.Raw, text) || strings.Contains(l.Message, text) {
			return true
		}
	}
	return false
}
