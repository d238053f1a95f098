package measure

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// planned is a session that has read a config, and its routes, each reached and healthy.
func planned(t *testing.T, text string) (*session, []*route) {
	t.Helper()
	c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
	if err != nil {
		t.Fatal(err)
	}
	s := &session{config: c, report: &audit.Report{Clock: lab.ClockMoved}, prefix: "/usr/share/nginx", errorLog: "logs/error.log"}
	s.options.defaults()
	if err := s.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	var routes []*route
	for _, w := range s.routes {
		r := s.newRoute(w)
		r.Reached, r.Healthy.Status = true, 200
		routes = append(routes, r)
	}
	return s, routes
}

func http(inside string) string { return "events {} http { " + inside + " }" }

const twoPeers = `upstream app { server a:80 weight=3; server b:80; server c:80 backup; server d:80 down; }`

func TestJobs_LayOutTheMatrix(t *testing.T) {
	t.Parallel()
	s, routes := planned(t, http(twoPeers+`server { listen 80;
		location /pool/ { proxy_pass http://app; }
		location /ip/ { proxy_pass http://192.0.2.7:81; }
		location /php/ { fastcgi_pass unix:/run/php.sock; }
		location /cache/ { memcached_pass m:11211; } }`))
	jobs := s.jobs(routes)
	measured := map[string]bool{}
	for _, j := range jobs {
		measured[j.route.Location+" "+j.fault.ID+" "+j.method] = true
		if cell := j.route.Measurements[j.index]; cell.Fault != j.fault.ID || cell.Method != j.method || cell.Skipped != "" {
			t.Errorf("the job %s %s is of the cell %+v", j.fault.ID, j.method, cell)
		}
	}
	for cell, want := range map[string]bool{
		"/pool/ refused GET": true, "/pool/ refused POST": true, "/pool/ one-dead GET": true, "/pool/ name-gone GET": true,
		"/pool/ does-not-read POST": true, "/pool/ does-not-read GET": false, // it is of requests with a body
		"/ip/ one-dead GET": false, "/ip/ name-gone GET": false, "/ip/ off GET": true, "/ip/ tls-expired GET": false,
		"/php/ off GET": false, "/php/ refused GET": true, "/php/ name-moved GET": false,
		"/cache/ died GET": true, "/cache/ 500 GET": false,
	} {
		if measured[cell] != want {
			t.Errorf("%s is measured: %v, want %v", cell, measured[cell], want)
		}
	}
	for _, r := range routes {
		for _, c := range r.Measurements {
			if (c.Skipped == "") != measured[r.Location+" "+c.Fault+" "+c.Method] {
				t.Errorf("%s %s %s is neither measured nor is it said why not: %q", r.Location, c.Fault, c.Method, c.Skipped)
			}
		}
	}
	routes[0].Reached, routes[0].Measurements, routes[1].SameAs, routes[1].Measurements = false, nil, "other", nil
	for _, j := range s.jobs(routes[:2]) {
		t.Errorf("%s is measured, which was not reached or is like another", j.route.ID)
	}
}

func TestInapplicableReason(t *testing.T) {
	t.Parallel()
	r := &route{}
	if got := inapplicableReason(r, audit.Fault{}); got != "the route calls no upstream of its own" {
		t.Error(got)
	}
	r.keys, r.request.udp = []string{"a:53"}, true
	for _, kind := range []audit.FaultKind{audit.Behaves, audit.Reuse, audit.TLSFault} {
		if got := inapplicableReason(r, audit.Fault{Kind: kind}); got != "the upstream is asked by datagrams" {
			t.Errorf("%s: %q", kind, got)
		}
	}
	if got := methods(r, audit.Fault{}); !slices.Equal(got, []string{"UDP"}) {
		t.Error(got)
	}
	r.request.udp, r.conf.Stream = false, true
	if got := methods(r, audit.Fault{}); !slices.Equal(got, []string{"TCP"}) {
		t.Error(got)
	}
	r.conf.Stream, r.request.candidate.Method = false, "PUT"
	if got := methods(r, audit.Fault{Methods: []string{"POST"}}); !slices.Equal(got, []string{"PUT"}) {
		t.Errorf("a route that takes PUT only is asked by %q", got)
	}
}

func TestRead_TakesWhatTheConfigSays(t *testing.T) {
	t.Parallel()
	s, _ := planned(t, `events {} error_log logs/error.log; http { error_log /var/log/e.log; error_log syslog:server=log; error_log stderr;
		proxy_cache_path cache keys_zone=z:1m; proxy_cache_valid 200 10m; limit_req_zone $binary_remote_addr zone=r:1m rate=1r/s;
		split_clients $time_iso8601 $half { 50% a; * b; }
		resolver 192.0.2.1; upstream app { zone app 64k; server _svc.app.test service=http resolve; server App.test. resolve; server unix:/run/a.sock; }
		server { listen 80; listen unix:/run/own.sock; proxy_read_timeout 7s; proxy_ssl_name tls.test;
			location / { auth_request /auth; proxy_pass http://app; }
			location = /auth { proxy_pass http://guard:8080; }
			location /self/ { proxy_pass http://unix:/run/own.sock; } } }`)
	for what, c := range map[string]struct{ got, want []string }{
		"logs":    {s.logs, []string{"/usr/share/nginx/logs/error.log", "/var/log/e.log"}},
		"caches":  {s.caches, []string{"/usr/share/nginx/cache"}},
		"guards":  {s.authUpstreams, []string{"guard:8080"}},
		"late":    {s.lateNames, []string{"_http._tcp._svc.app.test", "app.test"}},
		"sockets": {s.catchAll.Sockets, []string{"/run/a.sock"}},
		"names":   {s.catchAll.Names, []string{"tls.test"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %q, want %q", what, c.got, c.want)
		}
	}
	if s.stateless || !s.timeChooses || !slices.Equal(s.cacheTimes, []time.Duration{10 * time.Minute}) {
		t.Errorf("forgetful %v, ticks %v, kept %v", s.stateless, s.timeChooses, s.cacheTimes)
	}
	if !slices.Contains(s.steps, 7*time.Second) || !slices.Contains(s.steps, 30*time.Second) || !slices.IsSorted(s.steps) {
		t.Errorf("steps %v", s.steps)
	}
	if !s.listensAt("/run/own.sock") || !s.isOwnAddress("unix:/run/own.sock") || !s.isOwnAddress("localhost:80") || s.isOwnAddress("127.0.0.1:81") || s.isOwnAddress("app.test:80") {
		t.Error("where the gateway itself answers is not known")
	}
}

func TestNewRoute_ListsItsUpstreams(t *testing.T) {
	t.Parallel()
	s, routes := planned(t, http(twoPeers+`server { listen 80; server_name shop.test; location / { proxy_pass http://app; } }`))
	r := routes[0]
	if !slices.Equal(r.keys, []string{"a:80", "b:80", "c:80"}) || !r.Endpoints[2].Backup || r.Endpoints[0].Backup {
		t.Errorf("keys %q, endpoints %+v; a server that is down is none", r.keys, r.Endpoints)
	}
	if r.Server != "shop.test" || r.Role != nginxconf.Content || r.Listen == "" || r.Place.Line == 0 {
		t.Errorf("the route is %+v", r.Route)
	}
	if n := r.turns(); n != 6 {
		t.Errorf("%d turns until each had one", n)
	}
	if n := r.rounds(); n != 24 {
		t.Errorf("%d rounds", n)
	}
	for _, p := range s.pools {
		if p.turns != 6 {
			t.Errorf("the pool has %d turns", p.turns)
		}
	}
	if r.peers() != 3 || r.isStateless() {
		t.Errorf("%d peers", r.peers())
	}
	_, hashed := planned(t, http(`upstream app { ip_hash; server a; server b; } server { location / { proxy_pass http://app; } }`))
	if n := hashed[0].rounds(); n != maxTurns {
		t.Errorf("a hashed pool is asked %d times", n)
	}
}

// A gateway that has left one address of localhost out goes into no other measurement: it would find no live upstream there.
func TestIsStateless_NotOfLocalhost(t *testing.T) {
	t.Parallel()
	_, routes := planned(t, http(`server { location /a { proxy_pass http://localhost:3000; } location /b { proxy_pass http://127.0.0.1:3000; } location /c { proxy_pass http://app; } }`))
	for i, want := range []bool{false, true, true} {
		if routes[i].isStateless() != want {
			t.Errorf("%s: want %v", routes[i].ID, want)
		}
	}
}

func TestMarkSameRoutes_DifferInNamesOnly(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for n := range 120 {
		extra := ""
		if n == 60 {
			extra = "proxy_read_timeout 3s;"
		}
		fmt.Fprintf(&b, "upstream u%d { server h%d:80 max_fails=2; } server { listen 80; server_name s%d.test; location / { %s proxy_pass http://u%d; } }\n", n, n, n, extra, n)
	}
	s, routes := planned(t, http(b.String()))
	s.markSameRoutes(routes)
	for n, r := range routes {
		switch {
		case n == 0 || n == 60:
			if r.SameAs != "" {
				t.Errorf("%s is taken for %s", r.ID, r.SameAs)
			}
		case r.SameAs != routes[0].ID:
			t.Errorf("%s is like %q, want %s", r.ID, r.SameAs, routes[0].ID)
		}
	}
	if len(s.report.Notes) != 1 || !strings.HasPrefix(s.report.Notes[0], "118 routes differ") {
		t.Errorf("notes %q", s.report.Notes)
	}
	s, routes = planned(t, http(b.String()))
	s.options.Everything = true
	s.markSameRoutes(routes)
	if slices.ContainsFunc(routes, func(r *route) bool { return r.SameAs != "" }) {
		t.Error("every route was asked for")
	}
}

func TestPickRoutes_ByIDLocationOrPattern(t *testing.T) {
	t.Parallel()
	_, routes := planned(t, http(`server { server_name a.test; location / { proxy_pass http://x; } location /api/ { proxy_pass http://y; } }`))
	for pattern, want := range map[string]int{"/api/": 1, "a.test/": 1, "a.test/*": 2, "a.test/*/": 1, "*": 2} {
		got, err := pickRoutes(routes, []string{pattern})
		if err != nil || len(got) != want {
			t.Errorf("%s picks %d: %v", pattern, len(got), err)
		}
	}
	if _, err := pickRoutes(routes, []string{"/api/", "/none/"}); err == nil || !strings.Contains(err.Error(), `no route "/none/"`) {
		t.Errorf("got %v", err)
	}
	if _, err := Run(t.Context(), Options{Path: t.TempDir(), Faults: []string{"no-such-*"}}); err == nil || !strings.Contains(err.Error(), `there is no fault "no-such-*": the faults are healthy, refused, off`) {
		t.Errorf("got %v", err)
	}
	if got := faultIDs(pickFaults(review.Faults(), []string{"50?"})); !slices.Equal(got, []string{"500", "502", "503"}) {
		t.Errorf("50? picks %q", got)
	}
}

func TestTimes_AreShorterInRealTime(t *testing.T) {
	t.Parallel()
	s := &session{report: &audit.Report{Clock: lab.ClockMoved}, options: Options{Parallel: 2}}
	if s.waitLimit() != 25*time.Hour || s.observation() <= time.Hour {
		t.Error("a moved clock waits for a day, and looks for an hour")
	}
	s.report.Clock = lab.ClockReal
	if s.waitLimit() != realWaitLimit || s.observation() != realObservation {
		t.Error("nobody waits for a day in real time")
	}
	silent, refused := job{fault: audit.Fault{FaultInfo: audit.FaultInfo{ID: "silent"}}}, job{fault: audit.Fault{FaultInfo: audit.FaultInfo{ID: "refused"}}}
	if got := s.estimate([]job{silent, refused}); got != 40*time.Second {
		t.Errorf("two at once take %v", got)
	}
	if got := s.estimate(nil); got != 0 {
		t.Errorf("nothing takes %v", got)
	}
}

func TestHit_AndAdopt(t *testing.T) {
	t.Parallel()
	news := func(all ...lab.UpstreamCall) lab.Events { return lab.Events{Calls: all} }
	r := &route{keys: []string{"127.0.0.1:80"}, otherKeys: []string{"guard:80"}}
	if _, got := r.hit(news(lab.UpstreamCall{At: "[::1]:80"})); !got {
		t.Error("localhost has an address of each kind")
	}
	guard, other := lab.UpstreamCall{At: "198.18.0.2:80", Name: "guard"}, lab.UpstreamCall{At: "198.18.0.3:80", Name: "other"}
	fresh, got := r.hit(news(guard, other))
	if got || !slices.Equal(fresh, []string{"other:80"}) {
		t.Errorf("hit %v, new %q", got, fresh)
	}
	r.adopt(fresh)
	if len(r.Endpoints) != 0 {
		t.Error("the config lists the route's upstreams, and another was adopted")
	}
	r.Dynamic = true
	if _, got := r.hit(news(other)); !got {
		t.Error("any upstream may be the one that a variable names")
	}
	r.adopt(fresh)
	if !slices.Contains(r.keys, "other:80") || len(r.Endpoints) != 1 {
		t.Errorf("adopted: %q", r.keys)
	}
	self := &route{keys: []string{"127.0.0.1:81"}, Route: audit.Route{Healthy: audit.Outcome{Calls: []audit.Call{
		{Endpoint: "127.0.0.1:81", Protocol: "itself"}, {Endpoint: "app:80", Protocol: "http"}}}}}
	self.adopt(nil)
	if !slices.Equal(self.keys, []string{"app:80"}) {
		t.Errorf("what the gateway calls by way of itself is %q", self.keys)
	}
	self.conf.Target.Peers = []nginxconf.Peer{{Host: "127.0.0.1", Port: 81}}
	if _, got := self.hit(news(lab.UpstreamCall{At: "127.0.0.1:81", Self: true})); !got {
		t.Error("a way to the gateway itself is got to there")
	}
}

func TestSupplied_ListsEachUpstreamOnce(t *testing.T) {
	t.Parallel()
	s, routes := planned(t, http(`upstream app { server a.test:80; server 192.0.2.9:80; server unix:/run/a.sock; }
		server { location / { proxy_pass http://app; } location /x { proxy_pass http://a.test; } }`))
	s.listSupplied(addressNames{"198.18.0.4": "a.test"})
	var got []string
	for _, one := range s.report.Supplied {
		got = append(got, one.Kind+" "+one.What)
	}
	if !slices.Equal(got, []string{"name a.test", "address 192.0.2.9:80", "socket /run/a.sock"}) {
		t.Errorf("supplied %q", got)
	}
	s.locate(routes[0], addressNames{"198.18.0.4:80": "a.test:80"})
	if at := routes[0].Endpoints[0].Address; at != "198.18.0.4:80" {
		t.Errorf("a.test is at %q", at)
	}
}

func TestAsksForPassword(t *testing.T) {
	t.Parallel()
	_, routes := planned(t, http(`auth_basic closed; server { location / { proxy_pass http://x; } location /open/ { auth_basic off; proxy_pass http://x; } }`))
	for _, r := range routes {
		if got := asksForPassword(r.conf.Location); got != (r.Location == "/") {
			t.Errorf("%s asks for a password: %v", r.Location, got)
		}
	}
}

func TestRefusedUser(t *testing.T) {
	t.Parallel()
	var refused *provision.Refused
	if err := refusedUser(&lab.AgentError{Code: "no such user", Message: "no user web"}); !errors.As(err, &refused) || refused.Message != "no user web" {
		t.Errorf("got %v", err)
	}
	other := errors.New("another")
	if err := refusedUser(other); err != other {
		t.Errorf("got %v", err)
	}
}

func TestKept_SaysWhatAClientGets(t *testing.T) {
	t.Parallel()
	healthy := audit.Outcome{Status: 200, Page: "upstream"}
	bad := audit.Outcome{Status: 504, Waited: 60050 * time.Millisecond, Log: []gateway.LogRecord{{Level: "error", Message: "upstream timed out", Errno: 110}}}
	k := &Kept{Route: audit.Route{Healthy: healthy}, afterRemedy: healthy, m: &measurement{healthy: healthy, result: &audit.Measurement{}}}
	if first, then := k.Expected(); first.NoAnswer != "refused" || then != nil {
		t.Errorf("a gateway that does not start: %+v, %+v", first, then)
	}
	k.Outcomes = []audit.Outcome{bad, healthy, healthy}
	first, then := k.Expected()
	if first.Status != 504 || first.After != 60100*time.Millisecond || len(first.Log) != 1 || first.Log[0].Errno != 110 {
		t.Errorf("the first gets %+v", first)
	}
	if then == nil || len(then.Each) != 1 || then.Each[0].Status != 200 {
		t.Errorf("the others get %+v", then)
	}
	k.Outcomes = []audit.Outcome{bad, bad}
	if _, then := k.Expected(); then != nil {
		t.Errorf("all get the same: %+v", then)
	}
	if first, then := k.Recovered(); first.Status != 200 || then != nil {
		t.Errorf("well at once: %+v, %+v", first, then)
	}
	k.afterRemedy, k.m.result.ErrorsFor = bad, 10*time.Second
	if first, then := k.Recovered(); first.Status != 504 || then == nil || then.From != 10*time.Second || then.Each[0].Status != 200 {
		t.Errorf("well after ten seconds: %+v, %+v", first, then)
	}
	k.m.result.NotRecovered = true
	if first, then := k.Recovered(); first.Status != 504 || then != nil {
		t.Errorf("never well: %+v, %+v", first, then)
	}
	if !same(scenario.Expectation{Status: 502}, scenario.Expectation{Status: 502}) || same(scenario.Expectation{Cut: true}, scenario.Expectation{}) {
		t.Error("what is the same is not known")
	}
}

func TestMeasurement_JudgesAnswers(t *testing.T) {
	t.Parallel()
	healthy := audit.Outcome{Status: 200, Page: "upstream", Calls: []audit.Call{{Endpoint: "a:80"}}}
	slow, twice, bad := healthy, healthy, audit.Outcome{Status: 502, Page: "nginx"}
	slow.Waited, twice.Repeated = time.Minute, 2
	for name, c := range map[string]struct {
		a, than audit.Outcome
		want    bool
	}{
		"bad than good": {bad, slow, true}, "good than bad": {slow, bad, false}, "slow than quick": {slow, healthy, true},
		"twice than once": {twice, healthy, true}, "the same": {healthy, healthy, false},
	} {
		if got := worse(c.a, c.than, healthy); got != c.want {
			t.Errorf("%s is worse: %v", name, got)
		}
	}

	m := &measurement{route: &route{Route: audit.Route{Healthy: healthy}}, method: "POST", healthy: audit.Outcome{Status: 405}}
	m.route.Ask.Method = "GET"
	if got := m.unhealthyReason(); got != "POST is answered 405 without any fault" {
		t.Error(got)
	}
	m.method, m.healthy = "GET", audit.Outcome{NoAnswer: "reset"}
	if got := m.unhealthyReason(); !strings.HasPrefix(got, "the route gets no answer (reset)") {
		t.Error(got)
	}
	if m.healthy = healthy; m.unhealthyReason() != "" {
		t.Error("a healthy route is none")
	}
}

func TestLostDatagram_AsksUntilOneIsLost(t *testing.T) {
	t.Parallel()
	healthy := audit.Outcome{Status: 200, Calls: []audit.Call{{Endpoint: "b:53"}}}
	lost := audit.Outcome{NoAnswer: "silent", Calls: []audit.Call{{Endpoint: "a:53"}}}
	m := &measurement{route: &route{}, result: &audit.Measurement{}, healthy: healthy}
	n := 0
	err := m.lostDatagram("a:53", func() (audit.Outcome, error) {
		if n++; n < 3 {
			return healthy, nil
		}
		return lost, nil
	})
	if err != nil || n != 3 || m.result.Bad != 1 || m.result.Of != 1 || m.result.NoAnswer != "silent" {
		t.Errorf("%v after %d: %+v", err, n, m.result)
	}
	m.result = &audit.Measurement{}
	if err := m.lostDatagram("a:53", func() (audit.Outcome, error) { return healthy, nil }); err != nil || m.result.Skipped != "none of 16 datagrams went to the dead peer" {
		t.Errorf("%v: %+v", err, m.result)
	}
	broken := errors.New("the lab is gone")
	if err := m.lostDatagram("a:53", func() (audit.Outcome, error) { return healthy, broken }); err != broken {
		t.Errorf("got %v", err)
	}
}
