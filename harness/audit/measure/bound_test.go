package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

// noisy is what a script that prints without end makes of an answer, with nginx's own line in the middle.
func noisy(lines int) lab.ProbeAnswer {
	var log strings.Builder
	for i := range lines {
		fmt.Fprintf(&log, "2026/11/26 12:00:00 [error] 7#7: *1 [lua] %d %s, client: 198.51.100.1, server: , request: \"GET / HTTP/1.1\", host: \"a\"\n", i, strings.Repeat("x", 1900))
		if i == lines/2 {
			log.WriteString("2026/11/26 12:00:00 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 198.51.100.1, server: , request: \"GET / HTTP/1.1\", upstream: \"http://198.18.0.5:80/\", host: \"a\"\n")
		}
	}
	a := lab.ProbeAnswer{LogsLeft: map[string]int{"/var/log/nginx/error.log": 7}}
	a.Logs = map[string]string{"/var/log/nginx/error.log": log.String()}
	a.Header = map[string][]string{}
	for i := range 5000 {
		a.Header[fmt.Sprintf("X-%d", i)] = []string{strings.Repeat("v", 5000)}
	}
	for range 5000 {
		a.Events.Calls = append(a.Events.Calls, lab.UpstreamCall{At: "198.18.0.5:80"})
	}
	return a
}

func TestBound_OneAnswer(t *testing.T) {
	o := pool().outcome(noisy(3000), addressNames{})
	tries := len(o.Tries)
	o.Tries = nil // as many as there are peers, by their names
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 100<<10 {
		t.Errorf("%d bytes are kept of it", len(text))
	}
	if !hasUpstream(o.Log) {
		t.Error("nginx's own line is left out, and a script's are kept")
	}
	if n := len(o.Log) + o.LogMore; n != 3001+7 {
		t.Errorf("%d lines are kept or counted of 3008", n)
	}
	if n := len(o.Calls) + o.CallsMore; n != 5000 || len(o.Calls) != maxCalls {
		t.Errorf("%d calls are kept, %d counted", len(o.Calls), o.CallsMore)
	}
	if tries < 5000 {
		t.Errorf("%d tries: what is kept of the log has no say in them", tries)
	}
}

func hasUpstream(lines []gateway.LogRecord) bool {
	for _, l := range lines {
		if l.Upstream != "" {
			return true
		}
	}
	return false
}

func TestAllowance_BoundsAllEvidence(t *testing.T) {
	var a Allowance
	total := 0
	for range 4000 {
		o := audit.Outcome{Body: strings.Repeat("b", 4096)}
		for range 8 {
			o.Log = append(o.Log, gateway.LogRecord{Raw: strings.Repeat("l", 2000), Message: strings.Repeat("m", 1900)})
		}
		a.Take(&o)
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		total += len(text)
		if len(o.Log)+o.LogMore != 8 || len(o.Log) == 0 {
			t.Fatalf("%d lines are kept, %d counted", len(o.Log), o.LogMore)
		}
	}
	if total > maxEvidence*2 {
		t.Errorf("the evidence takes %d MiB", total>>20)
	}
}

// Too many routes are refused at the first beyond.
func TestCheckRouteCount(t *testing.T) {
	routes := make([]nginxconf.Route, maxRoutes+1)
	if err := CheckRouteCount(routes[:maxRoutes]); err != nil {
		t.Error(err)
	}
	routes[maxRoutes].Target.Pass = &nginxconf.Directive{Place: nginxconf.Place{File: "nginx.conf", Line: 7}}
	var refused *provision.Refused
	if err := CheckRouteCount(routes); !errors.As(err, &refused) || refused.Kind != "limit" || refused.Place.Line != 7 || refused.Remedy == "" {
		t.Errorf("said %v", err)
	}
}

// Too many measurements are refused, without those of routes that are like another.
func TestCheckMeasurementCount(t *testing.T) {
	s := &session{}
	for range 10 {
		s.options.FaultList = append(s.options.FaultList, audit.Fault{})
	}
	var routes []*route
	for range MaxMeasurements / 20 {
		routes = append(routes, &route{Route: audit.Route{Reached: true}}, &route{Route: audit.Route{Reached: true, SameAs: "x"}})
	}
	if err := s.checkMeasurementCount(routes); err != nil {
		t.Error(err)
	}
	routes = append(routes, &route{Route: audit.Route{Reached: true, Place: nginxconf.Place{File: "nginx.conf", Line: 7}}})
	var refused *provision.Refused
	if err := s.checkMeasurementCount(routes); !errors.As(err, &refused) || refused.Place.Line != 7 || refused.Remedy == "" {
		t.Errorf("said %v", err)
	}
}
