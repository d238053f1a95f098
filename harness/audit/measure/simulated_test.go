package measure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
	"github.com/badgateway/badgateway/harness/lab"
)

// A simulation is the gateway in the sandboxes of a lab without an engine. It does what nginx does by default, as far as a
// measurement looks: it tries each peer in turn, leaves one of several that failed out for ten seconds, and takes the addresses
// of its start.
type simulation struct {
	*fakelab.Agent
	// pools are the peers of a route, by how its URIs begin. What is none of them is a 404 of the gateway's own.
	pools map[string][]string

	mu        sync.Mutex
	sandboxes map[string]*simulated
}

// simulated is what one sandbox's gateway holds.
type simulated struct {
	behaviour agentapi.BehaviourSpec
	now       time.Duration
	turn      int
	failed    map[string]time.Duration // when a peer failed
	moved     map[string]int           // how often a name had moved when the gateway started
	kept      map[string]int           // requests over the kept connection to a peer
}

// simulatedLab is a session with routes that are not looked for yet, in a lab with a simulation.
func simulatedLab(t *testing.T, text string, pools map[string][]string) (*session, *simulation) {
	t.Helper()
	n := &simulation{Agent: fakelab.NewAgent(), pools: pools, sandboxes: map[string]*simulated{}}
	fakelab.On(n.Agent, "SetBehaviour", func(_ context.Context, id string, b agentapi.BehaviourSpec) (agentapi.None, error) {
		n.in(id, func(s *simulated) { s.behaviour = b })
		return agentapi.None{}, nil
	})
	fakelab.On(n.Agent, "Pass", func(_ context.Context, id string, m agentapi.MoveSpec) (agentapi.None, error) {
		n.in(id, func(s *simulated) { s.now += m.Offset })
		return agentapi.None{}, nil
	})
	fakelab.On(n.Agent, "StartCommand", func(_ context.Context, id string, _ agentapi.ProcSpec) (out agentapi.ProcStarted, err error) {
		n.in(id, func(s *simulated) { out = s.start() })
		return out, nil
	})
	fakelab.On(n.Agent, "Probe", func(_ context.Context, id string, spec agentapi.ProbeSpec) (a agentapi.ProbeAnswer, err error) {
		n.in(id, func(s *simulated) { a = s.probe(spec, n.peersOf(spec)) })
		return a, nil
	})
	fakelab.On(n.Agent, "Exec", func(_ context.Context, _ string, e agentapi.ExecSpec) (agentapi.Executed, error) {
		if slices.Contains(e.Argv, "-V") {
			return agentapi.Executed{Output: fakelab.NginxV}, nil
		}
		return agentapi.Executed{Output: "nginx: configuration file /etc/nginx/nginx.conf test is successful\n"}, nil
	})
	image := "test/" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	fakelab.Here(t).Has(image, n.Agent, nil, nil)
	l, err := lab.Start(t.Context(), lab.Options{GatewayImage: image})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s, _ := planned(t, text)
	s.lab, s.tree = l, &provision.Tree{Program: "nginx", Main: "/etc/nginx/nginx.conf"}
	return s, n
}

func (n *simulation) in(id string, do func(*simulated)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sandboxes[id] == nil {
		n.sandboxes[id] = &simulated{}
	}
	do(n.sandboxes[id])
}

func (n *simulation) peersOf(spec agentapi.ProbeSpec) []string {
	_, uri, _ := strings.Cut(string(spec.Raw), " ")
	for begins, peers := range n.pools {
		if strings.HasPrefix(uri, begins) {
			return peers
		}
	}
	return nil
}

// start begins anew. A name that is gone is refused.
func (s *simulated) start() agentapi.ProcStarted {
	s.failed, s.kept, s.moved, s.turn = map[string]time.Duration{}, map[string]int{}, map[string]int{}, 0
	for _, n := range s.behaviour.Names {
		if n.Gone {
			return agentapi.ProcStarted{Exited: true, Output: fmt.Sprintf("nginx: [emerg] host not found in upstream %q in /etc/nginx/nginx.conf:1\n", n.Name)}
		}
		s.moved[n.Name] = n.Move
	}
	return agentapi.ProcStarted{PID: 7}
}

func (s *simulated) probe(spec agentapi.ProbeSpec, peers []string) (a agentapi.ProbeAnswer) {
	if spec.Behaviour != nil {
		s.behaviour = *spec.Behaviour
	}
	if len(peers) == 0 {
		return agentapi.ProbeAnswer{Answer: agentapi.Answer{Status: 404, Body: "<center>nginx</center>"}}
	}
	a.Logs = map[string]string{}
	tried := 0
	for i := range peers {
		peer := peers[(s.turn+i)%len(peers)]
		if at, out := s.failed[peer]; out && len(peers) > 1 && s.now < at+10*time.Second {
			continue
		}
		tried++
		if s.try(&a, peer, spec) {
			s.turn++
			return a
		}
		s.failed[peer] = s.now
	}
	if tried == 0 {
		logged(&a, "no live upstreams", "http://app/")
	}
	s.turn++
	a.Status, a.Body = 502, "<center>nginx</center>"
	return a
}

// try asks one peer, and reports whether the client has its answer.
func (s *simulated) try(a *agentapi.ProbeAnswer, peer string, spec agentapi.ProbeSpec) bool {
	b := s.of(peer)
	if b.Down != "" {
		a.Events.DownCalls = append(a.Events.DownCalls, peer)
	}
	switch b.Down {
	case "refused":
		logged(a, "connect() failed (111: Connection refused)", "http://"+peer+"/")
		return false
	case "off":
		a.Waited += time.Minute
		logged(a, "upstream timed out (110: Connection timed out)", "http://"+peer+"/")
		return false
	}
	s.kept[peer]++
	host, _, _ := net.SplitHostPort(peer)
	method, _, _ := strings.Cut(string(spec.Raw), " ")
	a.Events.Calls = append(a.Events.Calls, agentapi.UpstreamCall{At: peer, Name: host, Record: fakeupstream.ConnectionRecord{
		Protocol: "http", Requests: []fakeupstream.RequestRecord{{Number: s.kept[peer], Method: method, Keep: true, HeadRead: time.Unix(1, 0)}},
	}})
	does := fakeupstream.Behaviour(fakeupstream.Well{})
	if len(b.Script) > 0 {
		connection := b.Script[0]
		does = connection[min(s.kept[peer], len(connection))-1]
	}
	well, ok := does.(fakeupstream.Well)
	if !ok {
		s.kept[peer] = 0
		logged(a, "upstream prematurely closed connection", "http://"+peer+"/")
		return false
	}
	a.Status, a.Body = max(well.Status, 200), ownPage+"page"
	return true
}

// of is how a peer behaves to a gateway with the addresses of its start.
func (s *simulated) of(peer string) agentapi.UpstreamBehaviour {
	host, _, _ := net.SplitHostPort(peer)
	for _, n := range s.behaviour.Names {
		if n.Name == host && n.Move == s.moved[host] && n.Move > 0 {
			return agentapi.UpstreamBehaviour{} // where it moved to
		}
	}
	for _, b := range s.behaviour.Upstreams {
		if b.At == peer || b.At == "" {
			return b
		}
	}
	return agentapi.UpstreamBehaviour{}
}

// logged adds a line to the gateway's log.
func logged(a *agentapi.ProbeAnswer, message, upstream string) {
	if a.Logs == nil {
		a.Logs = map[string]string{}
	}
	a.Logs["/var/log/nginx/error.log"] += fmt.Sprintf("2026/01/02 03:04:05 [error] 7#7: *1 %s while connecting to upstream, client: 198.51.100.1, server: , "+
		"request: \"GET / HTTP/1.1\", upstream: %q, host: \"a\"\n", message, upstream)
}

// measured are the measurements of the only route, by fault, of requests with GET.
func measured(t *testing.T, s *session, faults ...string) map[string]audit.Measurement {
	t.Helper()
	routes := found(t, s)
	s.options.FaultList = pickFaults(review.Faults(), faults)
	if err := s.measure(t.Context(), s.jobs(routes)); err != nil {
		t.Fatal(err)
	}
	all := map[string]audit.Measurement{}
	for _, m := range routes[0].Measurements {
		if m.Method == "GET" {
			all[m.Fault] = m
		}
	}
	return all
}

// found are the routes of a session, each of which was reached.
func found(t *testing.T, s *session) []*route {
	t.Helper()
	routes, err := s.discover(t.Context(), s.knownNames())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if !r.Reached {
			t.Fatalf("%s is not reached: %s", r.ID, r.Why)
		}
	}
	return routes
}

const (
	onePeerConf = `server { listen 80; location / { proxy_pass http://app.test:8080; } }`
	poolConf    = `upstream app { server a.test:80; server b.test:80; } server { listen 80; location / { proxy_pass http://app; } }`
)

var (
	onePeerPool = map[string][]string{"/": {"app.test:8080"}}
	twoPeerPool = map[string][]string{"/": {"a.test:80", "b.test:80"}}
)

func TestMeasure_ASinglePeerIsAskedAgainAtOnce(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	all := measured(t, s, "refused", "off", "500", "restarted", "one-dead", "name-gone", "name-moved")
	for fault, want := range map[string]audit.Measurement{
		"refused":   {Outcome: audit.Outcome{Status: 502, Page: "nginx"}},
		"restarted": {Outcome: audit.Outcome{Status: 502, Page: "nginx"}},
		"off":       {Outcome: audit.Outcome{Status: 502, Page: "nginx", Waited: time.Minute}},
		"500":       {Outcome: audit.Outcome{Status: 500, Page: "upstream"}},
		"one-dead":  {Skipped: "the route has one peer"},
	} {
		got := all[fault]
		if got.Status != want.Status || got.Page != want.Page || got.Waited != want.Waited || got.Skipped != want.Skipped || got.Error != "" {
			t.Errorf("%s: %+v", fault, got)
		}
		if got.Fault == "" || got.ErrorsFor != 0 || got.NotRecovered {
			t.Errorf("%s: errors for %v after the upstream was healthy", fault, got.ErrorsFor)
		}
	}
	if m := all["name-gone"]; !strings.Contains(m.NotStarted, `host not found in upstream "app.test"`) || m.NoAnswer != "refused" || len(m.Log) != 1 {
		t.Errorf("without its name: %+v", m)
	}
	// The gateway has the address of its start for as long as it runs.
	if m := all["name-moved"]; m.Status != 502 || !m.NotRecovered || m.ErrorsFor < time.Hour {
		t.Errorf("after the name moved: status %d, never again well: %v, errors for %v", m.Status, m.NotRecovered, m.ErrorsFor)
	}
	if opened := len(n.Calls("Open")); opened > 1+s.options.Parallel {
		t.Errorf("%d sandboxes for %d workers", opened, s.options.Parallel)
	}
}

// nginx leaves a peer that failed out for ten seconds, and has no other then.
func TestMeasure_APoolRecoversWhenItsPeersAreTriedAgain(t *testing.T) {
	t.Parallel()
	s, _ := simulatedLab(t, http(poolConf), twoPeerPool)
	all := measured(t, s, "refused", "restarted", "one-dead")
	for _, fault := range []string{"refused", "restarted"} {
		m := all[fault]
		if m.Status != 502 || m.ErrorsFor != 11*time.Second || m.NotRecovered {
			t.Errorf("%s: status %d, errors for %v, never again well: %v", fault, m.Status, m.ErrorsFor, m.NotRecovered)
		}
	}
	if !slices.Equal(all["refused"].Tries, []string{"a.test:80", "b.test:80"}) && !slices.Equal(all["refused"].Tries, []string{"b.test:80", "a.test:80"}) {
		t.Errorf("tried %v", all["refused"].Tries)
	}
	m := all["one-dead"]
	if m.Of != 4 || m.Bad != 0 || m.Status != 200 || len(m.Tries) != 2 {
		t.Errorf("one of two is dead: %d of %d got an error, the worst %d after %v", m.Bad, m.Of, m.Status, m.Tries)
	}
}

// With both peers silent, and the other taken for dead, each client in turn waits.
func TestMeasure_ASilentPeerIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, _ := simulatedLab(t, http(poolConf), twoPeerPool)
	m := measured(t, s, "one-silent")["one-silent"]
	if m.Bad != 1 || m.Of != 4 || m.Waited != time.Minute || m.Status != 200 {
		t.Errorf("%d of %d waited, the longest %v, and got %d", m.Bad, m.Of, m.Waited, m.Status)
	}
}

// A kept connection that is closed as it is used again, and one that is never kept.
func TestMeasure_AKeptConnectionIsClosedOnReuse(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	if m := measured(t, s, "reuse")["reuse"]; m.Status != 502 || m.Skipped != "" || len(m.Calls) != 1 || !m.Calls[0].Reused {
		t.Errorf("%+v", m)
	}
	fakelab.On(n.Agent, "Probe", func(_ context.Context, id string, spec agentapi.ProbeSpec) (a agentapi.ProbeAnswer, err error) {
		n.in(id, func(s *simulated) {
			s.kept = map[string]int{}
			a = s.probe(spec, n.peersOf(spec))
		})
		return a, nil
	})
	if m := measured(t, s, "reuse")["reuse"]; m.Skipped != "connections to the upstream are not kept" || m.Status != 0 {
		t.Errorf("%+v", m)
	}
}

// An application closes a connection that is idle for 5 s: the gateway meets that, unless it has closed it before.
func TestMeasure_AnIdleConnectionIsClosedByWhoeverIsFirst(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	if m := measured(t, s, "idle-5s")["idle-5s"]; m.Status != 502 || m.Skipped != "" || len(m.Calls) != 1 || !m.Calls[0].Reused {
		t.Errorf("a gateway that keeps it for longer: %+v", m)
	}
	fakelab.On(n.Agent, "Pass", func(_ context.Context, id string, spec agentapi.MoveSpec) (agentapi.None, error) {
		n.in(id, func(s *simulated) {
			if s.now += spec.Offset; spec.Offset > 4*time.Second {
				s.kept = map[string]int{}
			}
		})
		return agentapi.None{}, nil
	})
	if m := measured(t, s, "idle-5s")["idle-5s"]; m.Status != 200 || m.Skipped != "" || len(m.Calls) != 1 || m.Calls[0].Reused {
		t.Errorf("a gateway that keeps it for 4 s: %+v", m)
	}
}

// One of two peers answers 503, which nobody asks the other for.
func TestMeasure_OnePeerAnswersAnError(t *testing.T) {
	t.Parallel()
	s, _ := simulatedLab(t, http(poolConf), twoPeerPool)
	if m := measured(t, s, "one-503")["one-503"]; m.Bad != 2 || m.Of != 4 || m.Status != 503 || len(m.Tries) != 1 {
		t.Errorf("%d of %d got an error, the worst %d after %v", m.Bad, m.Of, m.Status, m.Tries)
	}
}

// What stays broken for the whole observation is told so.
func TestMeasure_WhatDoesNotRecover(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	routes := found(t, s)
	broken := false
	fakelab.On(n.Agent, "Probe", func(_ context.Context, id string, spec agentapi.ProbeSpec) (a agentapi.ProbeAnswer, err error) {
		n.in(id, func(s *simulated) {
			if a = s.probe(spec, n.peersOf(spec)); a.Status == 502 || broken {
				broken, a.Status = true, 502
			}
		})
		return a, nil
	})
	s.options.FaultList = pickFaults(review.Faults(), []string{"refused"})
	jobs := s.jobs(routes)[:1]
	if err := s.measure(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
	if m := routes[0].Measurements[0]; !m.NotRecovered || m.ErrorsFor < time.Hour {
		t.Errorf("errors for %v, never again well: %v", m.ErrorsFor, m.NotRecovered)
	}
}

// A route that is not answered as it was is not broken, and is looked at again in a gateway that was begun anew.
func TestMeasure_ARouteThatIsNotHealthyIsSkipped(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	routes := found(t, s)
	routes[0].Healthy.Status = 204
	s.options.FaultList = pickFaults(review.Faults(), []string{"refused"})
	jobs := s.jobs(routes)[:1]
	n.Forget()
	k := &worker{session: s, names: s.knownNames()}
	defer k.close()
	if err := k.measure(t.Context(), jobs[0], &routes[0].Measurements[0]); err != nil {
		t.Fatal(err)
	}
	m := routes[0].Measurements[0]
	if !strings.Contains(m.Skipped, "is answered 200") || !strings.Contains(m.Skipped, "not is answered 204") || m.Status != 0 {
		t.Errorf("%+v", m)
	}
	if starts := len(n.Calls("StartCommand")); starts != 1 {
		t.Errorf("%d starts: the gateway was fresh", starts)
	}
	k.fresh = true
	if err := k.measure(t.Context(), jobs[0], &routes[0].Measurements[0]); err != nil {
		t.Fatal(err)
	}
	if starts := len(n.Calls("StartCommand")); starts != 2 {
		t.Errorf("%d starts: of one that was not, a fresh one has to tell", starts)
	}
}

// An error of the lab is the measurement's alone; the next has a sandbox of its own. One that was starved of processors counts for
// nothing, and is measured again.
func TestWork_AnErrorIsOfOneMeasurement(t *testing.T) {
	t.Parallel()
	for name, starved := range map[string]time.Duration{"of the lab": 0, "for want of a processor": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
			routes := found(t, s)
			fakelab.Answer[agentapi.None](n.Agent, "Starved", starved)
			fails := true
			fakelab.On(n.Agent, "Probe", func(_ context.Context, id string, spec agentapi.ProbeSpec) (a agentapi.ProbeAnswer, err error) {
				n.in(id, func(s *simulated) {
					if a = s.probe(spec, n.peersOf(spec)); fails {
						fails, err = false, errors.New("a look failed")
					}
				})
				return a, err
			})
			s.options.FaultList, s.options.Parallel = pickFaults(review.Faults(), []string{"refused"}), 1
			jobs := s.jobs(routes)
			n.Forget()
			if err := s.measure(t.Context(), jobs); err != nil {
				t.Fatal(err)
			}
			first, second := routes[0].Measurements[0], routes[0].Measurements[1]
			if again := starved > 0; again != (first.Error == "") || again != (len(first.MeasuredAgain) == 1) || again != (first.Status == 502) {
				t.Errorf("starved for %v: error %q, measured again for %q, status %d", starved, first.Error, first.MeasuredAgain, first.Status)
			}
			if second.Error != "" || second.Status != 502 {
				t.Errorf("the next: error %q, status %d", second.Error, second.Status)
			}
			if opened := len(n.Calls("Open")); opened != 2 {
				t.Errorf("%d sandboxes", opened)
			}
			if closed := len(n.Calls("Close")); closed != 2 {
				t.Errorf("%d sandboxes are closed", closed)
			}
		})
	}
}

// What would fail again is not measured for ever.
func TestWork_IsStarvedAFewTimesAndNoMore(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	routes := found(t, s)
	fakelab.Answer[agentapi.None](n.Agent, "Starved", time.Minute)
	fakelab.Fail[agentapi.ProbeSpec](n.Agent, "Probe", errors.New("a look failed"))
	s.options.FaultList = pickFaults(review.Faults(), []string{"refused"})
	if err := s.measure(t.Context(), s.jobs(routes)[:1]); err != nil {
		t.Fatal(err)
	}
	if m := routes[0].Measurements[0]; len(m.MeasuredAgain) != maxReruns || !strings.Contains(m.Error, "a look failed") {
		t.Errorf("error %q, measured again for %q", m.Error, m.MeasuredAgain)
	}
}

func TestMeasure_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	routes := found(t, s)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	fakelab.On(n.Agent, "Probe", func(ctx context.Context, _ string, _ agentapi.ProbeSpec) (agentapi.ProbeAnswer, error) {
		cancel(enough)
		<-ctx.Done()
		return agentapi.ProbeAnswer{}, context.Cause(ctx)
	})
	if err := s.measure(ctx, s.jobs(routes)); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	for _, m := range routes[0].Measurements {
		if m.Error != "" {
			t.Errorf("%s: %s", m.Fault, m.Error)
		}
	}
}

// A config that uses up what it may ends the lab of all, so its search is over.
func TestDiscover_WhatEndsIt(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	fakelab.Answer[agentapi.ProbeSpec](n.Agent, "Probe", agentapi.ProbeAnswer{Killed: agentapi.ErrorOf(lab.ErrMultiplied)})
	if _, err := s.discover(t.Context(), s.knownNames()); !errors.Is(err, lab.ErrMultiplied) {
		t.Errorf("%v", err)
	}
	fakelab.Answer[agentapi.ProcSpec](n.Agent, "StartCommand", agentapi.ProcStarted{Exited: true, Output: "nginx: [emerg] no such user in /etc/nginx/nginx.conf:1"})
	var refused *provision.Refused
	if _, err := s.discover(t.Context(), s.knownNames()); !errors.As(err, &refused) || refused.Refusal.Kind != "mistake" {
		t.Errorf("%v", err)
	}
	fakelab.Fail[agentapi.ProcSpec](n.Agent, "StartCommand", agentapi.ErrNotUp)
	if _, err := s.discover(t.Context(), s.knownNames()); !errors.As(err, &refused) || refused.Refusal.Kind != "limit" {
		t.Errorf("%v", err)
	}
}

// One route that fails leaves the others to be looked for, in a sandbox of their own.
func TestDiscover_ARouteThatIsNotReachedSaysWhy(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(`server { listen 80;
		location /app/ { proxy_pass http://app.test:8080; }
		location /lost/ { proxy_pass http://lost.test:8080; }
		location /fails/ { proxy_pass http://fails.test:8080; }
		location /ill/ { proxy_pass http://ill.test:8080; }
		location /loop/ { proxy_pass http://loop.test:8080; } }`),
		map[string][]string{"/app/": {"app.test:8080"}, "/ill/": {"ill.test:8080"}, "/loop/": {"loop.test:8080"}})
	fakelab.On(n.Agent, "Probe", func(_ context.Context, id string, spec agentapi.ProbeSpec) (a agentapi.ProbeAnswer, err error) {
		n.in(id, func(s *simulated) { a = s.probe(spec, n.peersOf(spec)) })
		switch raw := string(spec.Raw); {
		case strings.Contains(raw, " /fails/"):
			return a, errors.New("a look failed")
		case strings.Contains(raw, " /ill/"):
			a.Status, a.Body = 500, "<center>nginx</center>"
			logged(&a, "the module failed", "http://ill.test:8080/")
		case strings.Contains(raw, " /loop/"):
			a.Events.Loop = true
		}
		return a, nil
	})
	routes, err := s.discover(t.Context(), s.knownNames())
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for _, r := range routes {
		why[r.Location] = r.Why
		if r.Reached != (r.Location == "/app/") {
			t.Errorf("%s is reached: %v", r.Location, r.Reached)
		}
	}
	for location, says := range map[string]string{
		"/lost/": "is answered 404, and the gateway calls nobody", "/fails/": "a look failed",
		"/ill/": "although the upstream is well: the module failed", "/loop/": "calls itself without end",
	} {
		if !strings.Contains(why[location], says) {
			t.Errorf("%s: %q", location, why[location])
		}
	}
}

// Each peer of a pool is asked until it had its turn, and a backup with all others dead.
func TestDiscover_AsksUntilAllPeersWereCalled(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(`upstream app { server a.test:80; server b.test:80; server c.test:80 backup; }
		server { listen 80; location / { proxy_pass http://app; } }`), twoPeerPool)
	fakelab.On(n.Agent, "Probe", func(_ context.Context, id string, spec agentapi.ProbeSpec) (a agentapi.ProbeAnswer, err error) {
		n.in(id, func(s *simulated) {
			if a = s.probe(spec, twoPeerPool["/"]); a.Status == 502 {
				a = s.probe(spec, []string{"c.test:80"})
			}
		})
		return a, nil
	})
	r := found(t, s)[0]
	for _, e := range r.Endpoints {
		if !e.Called {
			t.Errorf("%s was not called: %s", e.Name, r.note)
		}
	}
	last := fakelab.Args[agentapi.BehaviourSpec](n.Agent, "SetBehaviour")
	if b := last[len(last)-1]; len(b.Upstreams) > 0 {
		t.Errorf("upstreams stay as they were for the backups: %v", b.Upstreams)
	}
}

// kept is a route that is kept broken.
func kept(t *testing.T, s *session, fault string) *Kept {
	t.Helper()
	routes := found(t, s)
	sb, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := pickFaults(review.Faults(), []string{fault})[0]
	r := routes[0]
	m := &measurement{session: s, sandbox: sb, route: r, fault: f, method: r.Ask.Method, result: &audit.Measurement{}, names: s.knownNames()}
	return &Kept{Route: r.Route, Fault: f.FaultInfo, m: m, failed: make(chan error)}
}

func TestKept_IsTriedOutAndBrokenAgain(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(poolConf), twoPeerPool)
	k := kept(t, s, "refused")
	if err := k.rehearse(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, then := k.Expected()
	if first.Status != 502 || len(first.Log) != 2 || then == nil || len(then.Each) != 1 || then.Each[0].Log[0].Text != "no live upstreams" {
		t.Errorf("expected %+v, then %+v", first, then)
	}
	first, then = k.Recovered()
	if first.Status != 502 || then == nil || then.From != 11*time.Second || then.Each[0].Status != 200 {
		t.Errorf("after the remedy %+v, then %+v", first, then)
	}
	n.Forget()
	if err := k.Inject(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o, err := k.m.ask(t.Context()); err != nil || o.Status != 502 {
		t.Errorf("broken again: %d, %v", o.Status, err)
	}
	passes := fakelab.Args[agentapi.MoveSpec](n.Agent, "Pass")
	if len(passes) != 1 || !passes[0].Runs {
		t.Errorf("the clock is moved by %v, and does not go on", passes)
	}
	if err := k.Remedy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if moved, err := k.Pass(t.Context(), 11*time.Second); !moved || err != nil {
		t.Errorf("the clock is moved: %v, %v", moved, err)
	}
	if o, err := k.m.ask(t.Context()); err != nil || o.Status != 200 {
		t.Errorf("after the remedy: %d, %v", o.Status, err)
	}
	fakelab.Answer[agentapi.None](n.Agent, "Resting", false)
	if moved, err := k.Pass(t.Context(), time.Second); moved || err != nil {
		t.Errorf("the clock is moved while something works: %v, %v", moved, err)
	}
	if listens, err := k.Listens(t.Context()); !listens || err != nil {
		t.Errorf("it listens: %v, %v", listens, err)
	}
}

// A gateway that does not start is started by the remedy.
func TestKept_OfAGatewayThatDoesNotStart(t *testing.T) {
	t.Parallel()
	s, n := simulatedLab(t, http(onePeerConf), onePeerPool)
	k := kept(t, s, "name-gone")
	if err := k.rehearse(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(k.Refusal) != 1 || len(k.Outcomes) != 0 {
		t.Errorf("refused for %v, and asked %d times", k.Refusal, len(k.Outcomes))
	}
	if first, _ := k.Expected(); first.NoAnswer != "refused" {
		t.Errorf("expected %+v", first)
	}
	n.Forget()
	if err := k.Remedy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if starts := len(n.Calls("StartCommand")); starts != 1 {
		t.Errorf("%d starts", starts)
	}
}
