package lab

import (
	"regexp"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

// A stage is a lab whose agent does what a test says.
type stage struct {
	*Lab
	engine *fakelab.Engine
	agent  *fakelab.Agent
	beside *fakelab.Agent // of the backends' containers
}

// staged is a lab of an image of the test's own.
func staged(t *testing.T, o Options) *stage {
	t.Helper()
	return start(t, fakelab.Here(t), o)
}

// ownEngine is an engine of the test's own, on which its labs start. The test can't be parallel.
func ownEngine(t *testing.T) *fakelab.Engine {
	t.Helper()
	fakelab.Here(t)
	e := fakelab.NewEngine()
	t.Cleanup(e.Close)
	t.Setenv("DOCKER_HOST", e.Host)
	return e
}

func start(t *testing.T, e *fakelab.Engine, o Options) *stage {
	t.Helper()
	s := &stage{engine: e, agent: fakelab.NewAgent(), beside: fakelab.NewAgent()}
	o.GatewayImage = imageOf(t)
	e.Has(o.GatewayImage, s.agent, s.beside, nil)
	l, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s.Lab = l
	s.agent.Forget()
	return s
}

// open opens a sandbox with these upstreams, and forgets the calls by which.
func (s *stage) open(t *testing.T, setup Setup) *Sandbox {
	t.Helper()
	if setup.Gateway.Driver.Name == "" {
		setup.Gateway.Driver = nginx.Driver
	}
	c, err := s.Open(t.Context(), setup)
	if err != nil {
		t.Fatal(err)
	}
	s.agent.Forget()
	s.beside.Forget()
	return c
}

// moved is a sandbox with a fake upstream whose clock can be moved.
func moved(t *testing.T) (*Sandbox, *fakelab.Agent) {
	t.Helper()
	s := staged(t, Options{})
	return s.open(t, Setup{Clock: true, Upstreams: []Upstream{fakeApp}}), s.agent
}

// fakeApp and realApp are the upstreams of most tests.
var (
	fakeApp = Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}
	realApp = Upstream{Name: "php", Real: &Backend{
		Image: "php", Argv: []string{"php-fpm8.2", "-F"}, Listen: "10.0.0.6:9000", Log: "/var/log/upstream/php.log",
	}}
)

// names are those of calls, in order.
func names(calls []fakelab.Call) (all []string) {
	for _, c := range calls {
		all = append(all, c.Name)
	}
	return all
}

// texts are what a transcript says, without its times.
func texts(events []Event) (all []string) {
	for _, e := range events {
		all = append(all, e.Actor+": "+e.Text)
	}
	return all
}

var notInImages = regexp.MustCompile(`[^a-z0-9]+`)

// imageOf is the name of an image that no other test has.
func imageOf(t *testing.T) string {
	return "test/" + notInImages.ReplaceAllString(strings.ToLower(t.Name()), "-")
}
