package fakelab

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// An Agent answers a lab's calls and notes them. All goes well in its sandboxes until [On] says otherwise.
type Agent struct {
	// Dial is the other end of tunnels; nil refuses them. It is to be set before the lab starts.
	Dial func(ctx context.Context, sandbox, address string) (net.Conn, error)

	mu    sync.Mutex
	calls map[string]answer
	heard []Call
}

// A Call is one that an agent has answered, or is answering.
type Call struct {
	Sandbox, Name string
	Args          any
}

func (c Call) String() string { return fmt.Sprintf("%s %s %+v", c.Sandbox, c.Name, c.Args) }

// NginxV is what the gateway of an agent's container prints of itself.
const NginxV = "nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.15 3 Sep 2024\nconfigure arguments: --prefix=/usr/share/nginx " +
	"--conf-path=/etc/nginx/nginx.conf --http-log-path=/var/log/nginx/access.log --error-log-path=/var/log/nginx/error.log --pid-path=/run/nginx.pid\n"

// NewAgent is the agent of a container in which nothing is lacking, all limits hold, and an nginx takes a moved clock.
func NewAgent() *Agent {
	a := &Agent{calls: map[string]answer{}}
	Answer[agentapi.None](a, "Hello", agentapi.Hello{
		PID: 1, Kernel: "6.1.0", Limits: agentapi.Limits{Memory: 1 << 30, Pids: 4096, CPUs: 0.5}, DiskFree: 100 << 30,
	})
	On(a, "Run", func(_ context.Context, _ string, argv []string) (agentapi.Output, error) {
		if argv[0] != "nginx" {
			return agentapi.Output{}, fmt.Errorf("there is no %s", argv[0])
		}
		return agentapi.Output{Text: NginxV}, nil
	})
	Answer[agentapi.ClockSpec](a, "ClockOf", agentapi.ClockTaken{})
	Answer[agentapi.BaselineSpec](a, "Baseline", agentapi.BaselineTook{})
	Answer[agentapi.SandboxSpec](a, "Open", agentapi.SandboxOpened{Netns: "/proc/1/ns/net"})
	Answer[agentapi.ProcSpec](a, "Start", agentapi.ProcStarted{PID: 7})
	Answer[agentapi.ProcSpec](a, "StartCommand", agentapi.ProcStarted{PID: 7})
	Answer[agentapi.NameRef](a, "StopFake", []fakeupstream.ConnectionRecord{})
	Answer[agentapi.NameRef](a, "Records", []fakeupstream.ConnectionRecord{})
	Answer[agentapi.None](a, "Connections", map[string]int{})
	Answer[agentapi.AskSpec](a, "Ask", agentapi.Answer{Status: 200})
	Answer[agentapi.NameRef](a, "Pending", true)
	Answer[agentapi.NameRef](a, "EndAsk", agentapi.Answer{Status: 200})
	Answer[agentapi.ExecSpec](a, "RunCommand", agentapi.Executed{})
	Answer[agentapi.NameRef](a, "LeaveAsk", agentapi.Answer{NoAnswer: agentapi.Left})
	Answer[agentapi.None](a, "Resting", true)
	Answer[agentapi.NameRef](a, "Listens", true)
	Answer[agentapi.LookUpSpec](a, "LookUp", agentapi.LookedUp{Address: "192.0.2.80"})
	Answer[agentapi.FileSpec](a, "Change", 1)
	Answer[agentapi.NameRef](a, "Read", agentapi.FileText{})
	Answer[agentapi.None](a, "News", map[string]string{})
	Answer[agentapi.None](a, "Starved", 0)
	Answer[agentapi.None](a, "Pressed", 0)
	Answer[agentapi.LoadSpec](a, "Load", agentapi.BaselineTook{})
	Answer[agentapi.ProbeSpec](a, "Probe", agentapi.ProbeAnswer{Answer: agentapi.Answer{Status: 200}})
	Answer[agentapi.None](a, "DrainEvents", agentapi.Events{})
	Answer[agentapi.NameRef](a, "ReadTree", agentapi.Tree{})
	Answer[agentapi.LookSpec](a, "Look", []string{})
	Answer[agentapi.NameRef](a, "Names", []string{})
	Answer[agentapi.None](a, "Written", []agentapi.File{})
	Answer[agentapi.ExecSpec](a, "Exec", agentapi.Executed{})

	does[agentapi.None](a, "Close")
	does[agentapi.ProcRef](a, "Signal")
	does[agentapi.FakeSpec](a, "StartFake")
	does[agentapi.AskSpec](a, "StartAsk")
	does[agentapi.MoveSpec](a, "Move", "Pass")
	does[agentapi.NetSpec](a, "BreakNet", "RestoreNet")
	does[agentapi.ChangeRef](a, "UndoChange")
	does[agentapi.DiskSpec](a, "Disk")
	does[agentapi.NameRef](a, "Watch", "Opened", "Idle")
	does[agentapi.FollowSpec](a, "Follow")
	does[agentapi.ReachedSpec](a, "Reached")
	does[agentapi.TakenSpec](a, "Taken", "Settled")
	does[agentapi.BehaviourSpec](a, "SetBehaviour")
	does[agentapi.PutSpec](a, "Put")
	does[agentapi.WipeSpec](a, "Wipe")
	return a
}

// An answer does the work of a call.
type answer func(ctx context.Context, sandbox string, args json.RawMessage) (any, error)

// On has a call do this from now on.
func On[A, R any](a *Agent, name string, do func(ctx context.Context, sandbox string, args A) (R, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[name] = func(ctx context.Context, sandbox string, raw json.RawMessage) (any, error) {
		var args A
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, err
		}
		a.mu.Lock()
		a.heard = append(a.heard, Call{sandbox, name, args})
		a.mu.Unlock()
		return do(ctx, sandbox, args)
	}
}

// Answer has a call give this answer from now on.
func Answer[A, R any](a *Agent, name string, answer R) {
	On(a, name, func(context.Context, string, A) (R, error) { return answer, nil })
}

// Fail has a call fail from now on.
func Fail[A any](a *Agent, name string, err error) {
	On(a, name, func(context.Context, string, A) (agentapi.None, error) { return agentapi.None{}, err })
}

// does has calls succeed that answer nothing.
func does[A any](a *Agent, names ...string) {
	for _, name := range names {
		Fail[A](a, name, nil)
	}
}

// Calls are those that were made so far, in order; with names only those of them.
func (a *Agent) Calls(names ...string) (all []Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.heard {
		for _, name := range names {
			if c.Name == name {
				all = append(all, c)
			}
		}
		if len(names) == 0 {
			all = append(all, c)
		}
	}
	return all
}

// Args are the arguments of all calls of a name so far.
func Args[A any](a *Agent, name string) (all []A) {
	for _, c := range a.Calls(name) {
		all = append(all, c.Args.(A))
	}
	return all
}

// Forget forgets the calls so far.
func (a *Agent) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = nil
}

// server is the agent's end of a session.
func (a *Agent) server() *agentapi.Server {
	a.mu.Lock()
	defer a.mu.Unlock()
	calls := map[string]agentapi.Handler{}
	for name := range a.calls {
		calls[name] = agentapi.HandleIn(func(ctx context.Context, sandbox string, args json.RawMessage) (any, error) {
			a.mu.Lock()
			do := a.calls[name] // as it is by now
			a.mu.Unlock()
			return do(ctx, sandbox, args)
		})
	}
	dial := a.Dial
	if dial == nil {
		dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	}
	return &agentapi.Server{Calls: calls, Dial: dial}
}
