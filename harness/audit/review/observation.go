package review

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// An observation is one fault on one route with one method, and the route as the config has it.
type observation struct {
	*audit.Measurement
	route *audit.Route
	conf  *nginxconf.Route
	value time.Duration // of the directive that is the cause, for rules that speak of it
}

// observations are all measurements of a fault that say something of what the client gets: not those that were skipped or that the
// lab failed in, none of a mirror, whose answer nobody sees, and none of what visitors do. A route that is like another has its measurements.
func observations(e *audit.Evidence) []observation {
	return slices.DeleteFunc(measurements(e), func(s observation) bool {
		return s.isFault(audit.Healthy) || isVisitors[s.Fault] || s.route.Role == nginxconf.Mirror
	})
}

// visits are those of what a visitor does that is out of the ordinary, by its id.
func visits(e *audit.Evidence, id string) []observation {
	return slices.DeleteFunc(measurements(e), func(s observation) bool { return s.Fault != id })
}

// measurements are all measurements of all routes that say anything, those without a fault among them.
func measurements(e *audit.Evidence) []observation {
	cells := make(map[string][]audit.Measurement, len(e.Report.Routes))
	for _, r := range e.Report.Routes {
		cells[r.ID] = r.Measurements
	}
	var all []observation
	for i := range e.Report.Routes {
		r := &e.Report.Routes[i]
		own := r.Measurements
		if len(own) == 0 && r.SameAs != "" {
			own = cells[r.SameAs]
		}
		conf := e.ConfigRoutes[r.ID]
		for j := range own {
			if c := &own[j]; c.Skipped == "" && c.Error == "" {
				all = append(all, observation{Measurement: c, route: r, conf: &conf})
			}
		}
	}
	return all
}

// healthyObservations are the answers before any fault, in the form of observations without a fault.
func healthyObservations(e *audit.Evidence) []observation {
	var all []observation
	for i := range e.Report.Routes {
		if r := &e.Report.Routes[i]; r.Role != nginxconf.Mirror {
			conf := e.ConfigRoutes[r.ID]
			all = append(all, observation{Measurement: &audit.Measurement{Outcome: r.Healthy, Method: r.Ask.Method}, route: r, conf: &conf})
		}
	}
	return all
}

// measuredOn is the route whose measurement this is, where it is not the observation's own.
func (s observation) measuredOn() string {
	if s.Fault == "" || len(s.route.Measurements) > 0 {
		return ""
	}
	return s.route.SameAs
}

// isFault reports whether the observation is one of these faults.
func (s observation) isFault(faults ...string) bool { return slices.Contains(faults, s.Fault) }

// failed reports whether the client got an error, or nothing. A stream has no status.
func (s observation) failed() bool {
	if s.NotStarted != "" {
		return false
	}
	if s.stream() {
		return s.NoAnswer != "" || s.Cut
	}
	return s.Status == 0 || s.Status >= http.StatusInternalServerError
}

// prefix is what the directives of the route's protocol begin with.
func (s observation) prefix() string { return prefix(s.route.Protocol) }

// name is the name of a directive in the route's protocol: "read_timeout" is "fastcgi_read_timeout" there.
func (s observation) name(directive string) string { return s.prefix() + directive }

// effective is the directive that holds where the route's pass directive stands; nil when there is none.
func (s observation) effective(name string) *nginxconf.Directive {
	if s.conf.Location == nil {
		return nil
	}
	if all := nginxconf.Effective(s.conf.Location, name); len(all) > 0 {
		return all[0]
	}
	return nil
}

// all are all directives of that name that hold there.
func (s observation) all(name string) []*nginxconf.Directive {
	if s.conf.Location == nil {
		return nil
	}
	return nginxconf.Effective(s.conf.Location, name)
}

// stream reports whether the route is of a stream{} block, where there is neither status nor page.
func (s observation) stream() bool {
	return slices.Contains([]string{"tcp", "tls", "udp"}, s.route.Protocol)
}

// upgrades reports whether the route passes on websockets, whose long silences are wanted.
func (s observation) upgrades() bool {
	return s.conf.Location != nil && s.conf.Upgrades()
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
func (s observation) logged(text string) bool {
	for _, l := range s.Log {
		if strings.Contains(l.Raw, text) || strings.Contains(l.Message, text) {
			return true
		}
	}
	return false
}
