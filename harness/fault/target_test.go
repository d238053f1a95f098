package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/lab"
)

// app and real are the upstreams that a fakeTarget is set up with.
var (
	app   = lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:80"}}
	ruled = lab.Upstream{Name: "ruled", Fake: &fakeupstream.Spec{Listen: "10.0.0.7:80", Rules: []fakeupstream.Rule{{Nth: 1, Then: fakeupstream.Reset{}}}}}
	real  = lab.Upstream{Name: "real", Real: &lab.Backend{Listen: "10.0.0.6:80", CPUs: 1}}
)

// fakeTarget does what a sandbox does, to itself. Every call is noted, and fails if it is named in fails.
type fakeTarget struct {
	calls       []string
	fails       map[string]error
	setup       map[string]lab.Upstream
	running     map[string]lab.Upstream
	frozen      map[string]bool
	cpus        map[string]float64
	conf        string
	files       map[string]lab.File
	clientHosts map[string]string
	clientDNS   string
	hosts       map[string]string
	disks       map[string]int64
	network     map[lab.NetworkFault]bool
	waited      time.Duration
	status      int    // of an answer
	body        string // of an answer
	says        string // the end of the log of what ends by itself
}

func newFakeTarget() *fakeTarget {
	setup := map[string]lab.Upstream{"app": app, "real": real, "ruled": ruled}
	return &fakeTarget{
		fails: map[string]error{}, setup: setup, running: maps.Clone(setup), frozen: map[string]bool{}, cpus: map[string]float64{"real": 1},
		conf: "events {}", files: map[string]lab.File{"/var/www/index.php": {Path: "/var/www/index.php", Data: "old", Mode: 0o640}},
		hosts: map[string]string{"app.internal": "10.0.0.5"}, disks: map[string]int64{}, network: map[lab.NetworkFault]bool{},
		status: 200,
	}
}

// state is all that a fault can change, so that it can be compared.
func (t *fakeTarget) state() string {
	names := ""
	for _, name := range []string{"app", "real", "ruled", "new"} {
		if u, runs := t.running[name]; runs {
			names += fmt.Sprintf(" %s=%+v/%+v", name, u.Fake, u.Real)
		}
	}
	return fmt.Sprint(names, t.frozen, t.cpus, t.conf, t.files, t.hosts, t.clientHosts, t.clientDNS, t.disks, t.network)
}

// call notes a call, and returns its failure if it is to fail.
func (t *fakeTarget) call(name string) error {
	t.calls = append(t.calls, name)
	return t.fails[name]
}

func (t *fakeTarget) undo(back func()) Undo {
	return func(context.Context) error {
		if err := t.call("undo"); err != nil {
			return err
		}
		back()
		return nil
	}
}

func (t *fakeTarget) Upstream(name string) (lab.Upstream, error) {
	u, known := t.setup[name]
	if !known {
		return u, fmt.Errorf("no upstream %q", name)
	}
	return u, nil
}

func (t *fakeTarget) Running(name string) (lab.Upstream, bool) {
	u, runs := t.running[name]
	return u, runs
}

// StartUpstream stops the one that runs before it fails, as a sandbox does.
func (t *fakeTarget) StartUpstream(_ context.Context, u lab.Upstream) error {
	delete(t.running, u.Name)
	if err := t.call("start " + u.Name + " at " + listen(u)); err != nil {
		return err
	}
	t.running[u.Name] = u
	return nil
}

func listen(u lab.Upstream) string {
	if u.Fake != nil {
		return u.Fake.Listen
	}
	return u.Real.Listen
}

// StopUpstream takes it off the list before it fails, as a sandbox does.
func (t *fakeTarget) StopUpstream(_ context.Context, name string, signal int) error {
	if _, runs := t.running[name]; !runs {
		return fmt.Errorf("the upstream %q does not run", name)
	}
	delete(t.running, name)
	return t.call(fmt.Sprintf("stop %s by %d", name, signal))
}

func (t *fakeTarget) AwaitEnd(_ context.Context, name string) (said string, err error) {
	if err := t.call("end of " + name); err != nil {
		return "", err
	}
	delete(t.running, name)
	return t.says, nil
}

func (t *fakeTarget) SignalUpstream(_ context.Context, name string, signal int, children bool) error {
	if err := t.call(fmt.Sprintf("signal %s %d %v", name, signal, children)); err != nil {
		return err
	}
	switch signal {
	case sigstop:
		t.frozen[name] = true
	case sigcont:
		delete(t.frozen, name)
	}
	return nil
}

func (t *fakeTarget) LimitCPUs(_ context.Context, name string, cpus float64) (Undo, error) {
	if err := t.call("cpus"); err != nil {
		return nil, err
	}
	former := t.cpus[name]
	t.cpus[name] = cpus
	return t.undo(func() { t.cpus[name] = former }), nil
}

func (t *fakeTarget) Config(context.Context) (string, error) { return t.conf, t.call("config") }

// SetConfig leaves the config in place when the gateway does not start with it, as a sandbox does.
func (t *fakeTarget) SetConfig(_ context.Context, conf string) error {
	t.conf = conf
	return t.call("set config " + conf)
}

func (t *fakeTarget) RestartGateway(context.Context) error { return t.call("restart") }

func (t *fakeTarget) WriteFile(_ context.Context, f lab.File) (Undo, error) {
	if err := t.call("write"); err != nil {
		return nil, err
	}
	former, was := t.files[f.Path]
	t.files[f.Path] = f
	return t.undo(func() {
		if delete(t.files, f.Path); was {
			t.files[f.Path] = former
		}
	}), nil
}

func (t *fakeTarget) Chmod(ctx context.Context, path string, mode uint32) (Undo, error) {
	f, there := t.files[path]
	if !there {
		return nil, errors.New("no such file")
	}
	f.Mode = mode
	return t.WriteFile(ctx, f)
}

func (t *fakeTarget) SetHosts(_ context.Context, hosts map[string]string) (Undo, error) {
	if err := t.call("hosts"); err != nil {
		return nil, err
	}
	former := t.hosts
	t.hosts = hosts
	return t.undo(func() { t.hosts = former }), nil
}

func (t *fakeTarget) LimitDisk(_ context.Context, upstream, path string, bytes int64) (Undo, error) {
	path = upstream + path
	if err := t.call("disk"); err != nil {
		return nil, err
	}
	t.disks[path] = bytes
	return t.undo(func() { delete(t.disks, path) }), nil
}

func (t *fakeTarget) BreakNetwork(_ context.Context, f lab.NetworkFault) (Undo, error) {
	if err := t.call("network"); err != nil {
		return nil, err
	}
	t.network[f] = true
	return t.undo(func() { delete(t.network, f) }), nil
}

func (t *fakeTarget) Do(_ context.Context, r lab.Request, _ ...lab.Option) (lab.Exchange, error) {
	return lab.Exchange{Status: t.status, Body: t.body}, t.call("ask " + r.Path)
}

func (t *fakeTarget) StartBackground(_ context.Context, r lab.Request, until lab.Condition, _ ...lab.Option) error {
	return t.call(fmt.Sprintf("ask %s until %v", r.Path, until))
}

func (t *fakeTarget) RunBeside(_ context.Context, upstream string, argv ...string) (string, error) {
	return "ok\n", t.call(fmt.Sprintf("run %v beside %s", argv, upstream))
}

func (t *fakeTarget) SetClientHosts(_ context.Context, hosts map[string]string) (Undo, error) {
	if err := t.call("client hosts"); err != nil {
		return nil, err
	}
	former := t.clientHosts
	t.clientHosts = hosts
	return func(context.Context) error {
		t.clientHosts = former
		return t.call("undo client hosts")
	}, nil
}

func (t *fakeTarget) SetClientDNS(_ context.Context, server string) (Undo, error) {
	if err := t.call("client DNS"); err != nil {
		return nil, err
	}
	former := t.clientDNS
	t.clientDNS = server
	return t.undo(func() { t.clientDNS = former }), nil
}

func (t *fakeTarget) AwaitBeside(_ context.Context, upstream string, argv ...string) error {
	return t.call(fmt.Sprintf("await %v beside %s", argv, upstream))
}

func (t *fakeTarget) Wait(_ context.Context, d time.Duration) error {
	t.waited += d
	return t.call("wait")
}

func (t *fakeTarget) Note(actor, format string, a ...any) {
	t.calls = append(t.calls, actor+" "+fmt.Sprintf(format, a...))
}
