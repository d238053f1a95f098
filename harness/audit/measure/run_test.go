package measure

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
	"github.com/badgateway/badgateway/harness/lab"
)

// checked are the options of a check of a config in a lab with a simulation.
func checked(t *testing.T, text string, pools map[string][]string) (Options, *simulation) {
	t.Helper()
	s, n := simulatedLab(t, text, pools)
	file := filepath.Join(t.TempDir(), "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{Path: file, Lab: s.lab, Parallel: 2, FaultList: pickFaults(review.Faults(), []string{"refused", "off"})}, n
}

const twoRoutesConf = `server { listen 80; location /a/ { proxy_pass http://a.test:80; } location /b/ { proxy_pass http://b.test:80; } }`

var twoRoutes = map[string][]string{"/a/": {"a.test:80"}, "/b/": {"b.test:80"}}

func TestRun_MeasuresAllRoutesByAllFaults(t *testing.T) {
	t.Parallel()
	o, n := checked(t, http(twoRoutesConf), twoRoutes)
	var progress []int
	o.Progress = func(done, _ int) { progress = append(progress, done) }
	o.Parallel = 1
	r, err := Run(t.Context(), o)
	if err != nil || r.Refused != nil {
		t.Fatal(err, r.Refused)
	}
	if r.Gateway != "nginx/1.22.1" || r.Clock != lab.ClockMoved || r.Partial || len(r.Faults) != 3 || r.Faults[0].ID != audit.Healthy || len(r.Routes) != 2 {
		t.Errorf("%s, clock %s, partial %v, %d faults, %d routes", r.Gateway, r.Clock, r.Partial, len(r.Faults), len(r.Routes))
	}
	for _, route := range r.Routes {
		if !route.Reached || len(route.Measurements) != 6 {
			t.Errorf("%s: reached %v, %d measurements", route.ID, route.Reached, len(route.Measurements))
		}
		for _, m := range route.Measurements {
			if want := map[bool]int{true: 200, false: 502}[m.Fault == audit.Healthy]; m.Status != want || m.Error != "" || m.Skipped != "" {
				t.Errorf("%s %s %s: %d %s %s", route.ID, m.Fault, m.Method, m.Status, m.Error, m.Skipped)
			}
		}
	}
	if !slices.Equal(progress, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}) {
		t.Errorf("progress %v", progress)
	}
	if open, closed := len(n.Calls("Open")), len(n.Calls("Close")); open != closed {
		t.Errorf("%d sandboxes are opened, and %d closed", open, closed)
	}
	select {
	case <-o.Lab.Gone():
		t.Error("the lab of somebody else is ended")
	default:
	}
}

func TestRun_OfSomeRoutesAndFaults(t *testing.T) {
	t.Parallel()
	o, _ := checked(t, http(twoRoutesConf), twoRoutes)
	o.Routes, o.Faults = []string{"/b/"}, []string{"ref*"}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Partial || len(r.Routes) != 1 || r.Routes[0].Location != "/b/" || len(r.Faults) != 2 || r.Faults[1].ID != "refused" {
		t.Errorf("partial %v, routes %v, faults %v", r.Partial, r.Routes, r.Faults)
	}
	o.Routes = []string{"/c/"}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), `no route "/c/"`) {
		t.Errorf("of a route that there is not: %v", err)
	}
	o.Routes, o.Faults = nil, []string{"nonsense"}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), `no fault "nonsense": the faults are healthy, refused, off`) {
		t.Errorf("of a fault that there is not: %v", err)
	}
}

// A config that uses up what a lab gives is refused; the lab's own errors are errors.
func TestRun_WhatIsRefusedAndWhatIsAnError(t *testing.T) {
	t.Parallel()
	o, n := checked(t, http(twoRoutesConf), twoRoutes)
	fakelab.Fail[agentapi.ProbeSpec](n.Agent, "Probe", agentapi.ErrOutOfMemory)
	r, err := Run(t.Context(), o)
	if err != nil || r.Verdict != audit.Refused || r.Refused == nil || r.Refused.Kind != "limit" {
		t.Errorf("%v, %+v", err, r.Refused)
	}
	fakelab.Answer[agentapi.ExecSpec](n.Agent, "Exec", agentapi.Executed{})
	if _, err := Run(t.Context(), o); err == nil {
		t.Error("an image without an nginx is no error")
	}
	fakelab.Fail[agentapi.SandboxSpec](n.Agent, "Open", errors.New("no sandbox"))
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no sandbox") {
		t.Errorf("%v", err)
	}
	fakelab.Fail[agentapi.SandboxSpec](n.Agent, "Open", agentapi.Errorf(agentapi.ErrNoUser, "the image has no user web"))
	if r, err := Run(t.Context(), o); err != nil || r.Refused == nil || r.Refused.Kind != "start" || r.Refused.Message != "the image has no user web" {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestKeep_FindsItsRouteByItsID(t *testing.T) {
	t.Parallel()
	o, n := checked(t, http(twoRoutesConf), twoRoutes)
	all, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	id := all.Routes[1].ID
	k, err := Keep(t.Context(), o, id, "refused")
	if err != nil {
		t.Fatal(err)
	}
	if k.Route.ID != id || k.Fault.ID != "refused" || len(k.Outcomes) != keptRequests {
		t.Errorf("%s, %s, asked %d times", k.Route.ID, k.Fault.ID, len(k.Outcomes))
	}
	if first, then := k.Recovered(); first.Status != 200 || then != nil {
		t.Errorf("after the remedy %+v, %+v", first, then)
	}
	for _, c := range []struct{ route, fault, says string }{
		{id, "nonsense", `no fault "nonsense"`}, {"nowhere", "refused", `no route "nowhere"`},
	} {
		if _, err := Keep(t.Context(), o, c.route, c.fault); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %s: %v", c.route, c.fault, err)
		}
	}
	o.FaultList = pickFaults(review.Faults(), []string{"one-dead"})
	if _, err := Keep(t.Context(), o, id, "one-dead"); err == nil || !strings.Contains(err.Error(), "makes no sense") {
		t.Errorf("a fault that is not for the route: %v", err)
	}
	k.Close()
	if open, closed := len(n.Calls("Open")), len(n.Calls("Close")); open != closed {
		t.Errorf("%d sandboxes are opened, and %d closed", open, closed)
	}
}

// Where the gateway looks up its upstreams itself, it is asked only after it has asked for all of them, and asks no more.
func TestStart_WaitsForNamesThatAreLookedUpLate(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(`resolver 127.0.0.1; upstream app { zone app 64k; server a.test:80 resolve; server b.test:80 resolve; }
		server { listen 80; location / { proxy_pass http://app; } }`), twoPeerPool)
	looks := [][]agentapi.DNSQuery{
		nil, {{Name: "A.test.", Type: "A", Got: "198.18.0.1"}}, nil, nil, nil, // one of two is no end
		{{Name: "b.test", Type: "A", Got: "198.18.0.2"}}, nil, nil, nil,
	}
	fakelab.On(n.Agent, "DrainEvents", func(context.Context, string, agentapi.None) (agentapi.Events, error) {
		if len(looks) == 0 {
			t.Error("a look after all was known")
			return agentapi.Events{}, nil
		}
		var e agentapi.Events
		e.DNSQueries, looks = looks[0], looks[1:]
		return e, nil
	})
	sb, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := addressNames{}
	if err := s.start(t.Context(), sb, names); err != nil || len(looks) > 0 {
		t.Errorf("%v, with %d looks left", err, len(looks))
	}
	if names["198.18.0.2"] != "b.test" {
		t.Errorf("it learnt %v", names)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	cancel()
	if err := s.awaitResolved(ctx, sb, names); !errors.Is(err, context.Canceled) {
		t.Errorf("of a caller who has left: %v", err)
	}
}
