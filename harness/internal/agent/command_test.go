//go:build linux

package agent

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A visitor who leaves has no answer, unless he had one before.
func TestLeaveAsk(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts})
	l.runs(c, "gateway", sleeps)
	spec := agentapi.AskSpec{
		Name: "v1", From: visitorAt, To: gatewayAt, Gateway: "gateway", Limit: time.Hour,
		Raw: []byte("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"),
	}
	for _, how := range []struct {
		gateway  fakeupstream.Behaviour
		status   int
		noAnswer string
	}{{fakeupstream.Silent{}, 0, agentapi.Left}, {fakeupstream.Well{}, 200, ""}} {
		l.plays(c, "nginx", gatewayAt, how.gateway)
		if err := c.beginAsk(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		if how.status != 0 {
			<-c.asks["v1"].done
		}
		got, err := c.leaveAsk(t.Context(), agentapi.NameRef{Name: "v1"})
		if err != nil || got.Status != how.status || got.NoAnswer != how.noAnswer {
			t.Errorf("%v: he gets %d and %q: %v", how.gateway, got.Status, got.NoAnswer, err)
		}
		if _, err := c.stopFake(t.Context(), agentapi.NameRef{Name: "nginx"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRunCommand(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{})
	third := []string{"sh", "-c", `echo >> $0; test $(wc -l < $0) = 3 && echo ok`, filepath.Join(t.TempDir(), "runs")}
	for name, of := range map[string]struct {
		spec agentapi.ExecSpec
		want agentapi.Executed
	}{
		"one that works":                   {agentapi.ExecSpec{Argv: []string{"echo", "ok"}}, agentapi.Executed{Output: "ok"}},
		"one that fails":                   {agentapi.ExecSpec{Argv: []string{"sh", "-c", "echo no >&2; exit 3"}}, agentapi.Executed{Output: "no", Code: 3}},
		"one without end":                  {agentapi.ExecSpec{Argv: sleeps, Limit: 50 * time.Millisecond}, agentapi.Executed{Late: true, Code: -1}},
		"one that works at the third time": {agentapi.ExecSpec{Argv: third, Until: true}, agentapi.Executed{Output: "ok"}},
		"one that never ends": {
			agentapi.ExecSpec{Argv: sleeps, Until: true, Limit: 50 * time.Millisecond}, agentapi.Executed{Late: true, Code: -1},
		},
		"one that never works": {
			agentapi.ExecSpec{Argv: []string{"sh", "-c", "exit 3"}, Until: true, Limit: time.Second}, agentapi.Executed{Late: true, Code: 3},
		},
	} {
		if got, err := c.runCommand(t.Context(), of.spec); err != nil || got != of.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := c.runCommand(t.Context(), agentapi.ExecSpec{Argv: []string{"/none"}}); err == nil {
		t.Error("a program that is not there was run")
	}
	endsWithItsCaller(t, nil, func(ctx context.Context) error {
		_, err := c.runCommand(ctx, agentapi.ExecSpec{Argv: sleeps, Limit: time.Hour})
		return err
	})
}
