package measure

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

func pool(endpoints ...audit.Endpoint) *route {
	return &route{Route: audit.Route{ID: "r", Endpoints: endpoints}}
}

func TestNoteCalled(t *testing.T) {
	r := pool(audit.Endpoint{Name: "localhost:80"}, audit.Endpoint{Name: "b:80"}, audit.Endpoint{Name: "spare:80", Backup: true})
	r.noteCalled(lab.Events{Calls: []lab.UpstreamCall{{At: "[::1]:80"}, {At: "198.18.0.9:80", Name: "b", Self: true}}})
	if got := r.uncalled(false); !slices.Equal(got, []string{"b:80"}) {
		t.Errorf("not called are %q; localhost has two addresses, and a call to the gateway itself is none to an upstream", got)
	}
	if got := r.uncalled(true); !slices.Equal(got, []string{"b:80", "spare:80"}) {
		t.Errorf("not called are %q with the backups", got)
	}
}

func TestUncalledNote_GivesTheReason(t *testing.T) {
	own := func(name string) bool { return name == "127.0.0.1:81" }
	r := pool(audit.Endpoint{Name: "a:80", Called: true}, audit.Endpoint{Name: "127.0.0.1:81"})
	if got := r.uncalledNote(3, own); !strings.Contains(got, "1 of its 2 endpoints") || !strings.Contains(got, "the gateway itself answers there") {
		t.Error(got)
	}
	r.Endpoints[1].Name = "c:80"
	r.conf.Target = nginxconf.Target{Variables: true, Written: "http://$pool"}
	if got := r.uncalledNote(3, own); !strings.Contains(got, "no request was found for which http://$pool") {
		t.Error(got)
	}
	r.Endpoints[1].Called = true
	if got := r.uncalledNote(3, own); got != "" {
		t.Errorf("%q is said of a route whose endpoints were all called", got)
	}
}

func TestBehavioursFor_SparesAuthUpstreams(t *testing.T) {
	s := &session{authUpstreams: []string{"auth:9000"}}
	all := s.behavioursFor(nginxconf.Candidate{RequiresStatus: 502}, []string{"spare:80"})
	if n := len(all); n != 3 || all[0].At != "spare:80" || all[1].At != "auth:9000" || len(all[1].Script) != 0 || all[2].At != "" || len(all[2].Script) == 0 {
		t.Errorf("a 502 comes of %+v", all)
	}
	accel := s.behavioursFor(nginxconf.Candidate{AccelRedirect: "/in", AccelFrom: []nginxconf.Peer{{Host: "app", Port: 80}}}, nil)
	if len(accel) != 1 || accel[0].At != "app:80" || len(accel[0].Script) == 0 {
		t.Errorf("X-Accel-Redirect comes of %+v", accel)
	}
	if got := s.behavioursFor(nginxconf.Candidate{}, nil); got != nil {
		t.Errorf("a plain request needs %+v", got)
	}
}

func TestRounds_FollowTheWeights(t *testing.T) {
	r := pool()
	r.conf.Target.Peers = []nginxconf.Peer{{Host: "a", Params: []string{"weight=10"}}, {Host: "b"}}
	if got := r.turns(); got != 11 {
		t.Errorf("%d turns; ten of one and one of the other are 11", got)
	}
	r.conf.Target.Block = &nginxconf.Directive{Name: "upstream", Block: []*nginxconf.Directive{{Name: "ip_hash"}}}
	if got := r.rounds(); got != maxTurns {
		t.Errorf("%d rounds of a pool that is hashed", got)
	}
}

func TestRequest_KeepsTheContentType(t *testing.T) {
	candidate := nginxconf.Candidate{URI: "/x", Host: "h", Header: map[string]string{"Content-Type": "application/grpc"}, Listen: nginxconf.Listen{Address: "localhost", Port: 81, H2C: true}}
	spec := request{candidate: candidate}.spec("POST", nil, 25*time.Hour)
	if !strings.Contains(string(spec.Raw), "Content-Type: application/grpc\r\n") || !spec.HTTP2 || spec.To != "127.0.0.1:81" {
		t.Errorf("%s to %s, HTTP/2: %v", spec.Raw, spec.To, spec.HTTP2)
	}
}

// mapped is a route whose map names n pools of that many peers each, with a request for each, and what answers them: the peers
// of a pool in turn.
func mapped(pools, peers int) (r *route, choices []request, known map[nginxconf.Place]*peerPool, ask func(request) error, asked *int) {
	r, known, asked = pool(), map[nginxconf.Place]*peerPool{}, new(int)
	for i := range pools {
		p := &peerPool{turns: peers}
		for k := range peers {
			at := nginxconf.Place{File: "nginx.conf", Line: 1 + i*peers + k}
			known[at] = p
			r.Endpoints = append(r.Endpoints, audit.Endpoint{Name: fmt.Sprintf("p%d-%d:80", i, k), Place: at})
			r.conf.Target.Peers = append(r.conf.Target.Peers, nginxconf.Peer{Host: fmt.Sprintf("p%d-%d", i, k), Port: 80, Place: at})
		}
		choices = append(choices, request{candidate: nginxconf.Candidate{Host: fmt.Sprint(i)}})
	}
	turn := map[string]int{}
	return r, choices, known, func(q request) error {
		*asked++
		var i int
		_, _ = fmt.Sscan(q.candidate.Host, &i)
		r.Endpoints[i*peers+turn[q.candidate.Host]%peers].Called = true
		turn[q.candidate.Host]++
		return nil
	}, asked
}

// A route with many names asks in proportion to their number.
func TestAskChoices_IsLinear(t *testing.T) {
	for _, n := range []int{30, 300, 3000} {
		r, choices, known, ask, asked := mapped(n, 1)
		if err := r.askChoices(choices, known, ask, nil); err != nil || r.uncalledCount(true) != 0 {
			t.Fatalf("%d are left, %v", r.uncalledCount(true), err)
		}
		if *asked > n {
			t.Errorf("%d requests for %d names", *asked, n)
		}
		r, choices, known, ask, asked = mapped(n/3, 3)
		if err := r.askChoices(choices, known, ask, nil); err != nil || r.uncalledCount(true) != 0 {
			t.Fatalf("%d are left of pools, %v", r.uncalledCount(true), err)
		}
		if *asked > 3*n {
			t.Errorf("%d requests for %d peers of %d pools", *asked, n, n/3)
		}
	}
}
