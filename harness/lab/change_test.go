package lab

import (
	"context"
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

func TestBreakNetwork_IsUndoneByTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options Options
		setup   Setup
		real    bool
	}{
		"a kernel whose timers are made shorter": {},
		"a setup that leaves them":               {setup: Setup{KernelTime: true}, real: true},
		"a lab in real time":                     {options: Options{RealTime: true}, real: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := staged(t, c.options)
			sandbox := s.open(t, c.setup)
			undo, err := sandbox.BreakNetwork(t.Context(), NetworkFault{Kind: NetworkReject, To: "10.0.0.5:80", With: "tcp-reset", Answers: true})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(undo(t.Context())).To(Succeed())
			spec := agentapi.NetSpec{Kind: "reject", To: "10.0.0.5:80", With: "tcp-reset", Answers: true, Real: c.real}
			g.Expect(s.agent.Calls()).To(Equal([]fakelab.Call{{Sandbox: sandbox.id, Name: "BreakNet", Args: spec}, {Sandbox: sandbox.id, Name: "RestoreNet", Args: spec}}))
		})
	}
}

// Each undo names its own change, so that they can be undone in any order.
func TestWriteFile_UndoIsOfItsOwnChange(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	n := 0
	fakelab.On(a, "Change", func(context.Context, string, agentapi.FileSpec) (int, error) { n++; return n, nil })
	write, err := c.WriteFile(t.Context(), File{Path: "/a", Data: "x", Mode: 0o600})
	g.Expect(err).NotTo(HaveOccurred())
	chmod, err := c.Chmod(t.Context(), "/run/app.sock", 0)
	g.Expect(err).NotTo(HaveOccurred())
	hosts, err := c.SetHosts(t.Context(), map[string]string{"app.test": "10.0.0.9"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(fakelab.Args[agentapi.FileSpec](a, "Change")).To(Equal([]agentapi.FileSpec{
		{File: File{Path: "/a", Data: "x", Mode: 0o600}},
		{File: File{Path: "/run/app.sock"}, Chmod: true},
		{File: File{Path: "/etc/hosts", Data: "127.0.0.1 localhost\n::1 localhost\n10.0.0.9 app.test\n"}},
	}))
	for _, undo := range []func(context.Context) error{write, hosts, chmod} {
		g.Expect(undo(t.Context())).To(Succeed())
	}
	g.Expect(fakelab.Args[agentapi.ChangeRef](a, "UndoChange")).To(Equal([]agentapi.ChangeRef{{Change: 1}, {Change: 3}, {Change: 2}}))
	fakelab.Fail[agentapi.ChangeRef](a, "UndoChange", errors.New("undone before"))
	g.Expect(write(t.Context())).To(MatchError("undone before"))
}

func TestLimitDisk_GivesTheFolderBack(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	undo, err := c.LimitDisk(t.Context(), "", "/var/lib/nginx", 4096)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(fakelab.Args[agentapi.DiskSpec](a, "Disk")).To(Equal([]agentapi.DiskSpec{{Path: "/var/lib/nginx", Bytes: 4096}, {Path: "/var/lib/nginx"}}))
}

// What was not done can't be undone.
func TestChanges_ThatFailHaveNoUndo(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	why := errors.New("not permitted")
	fakelab.Fail[agentapi.NetSpec](a, "BreakNet", why)
	fakelab.Fail[agentapi.FileSpec](a, "Change", why)
	fakelab.Fail[agentapi.DiskSpec](a, "Disk", why)
	for name, do := range map[string]func() (func(context.Context) error, error){
		"network": func() (func(context.Context) error, error) { return c.BreakNetwork(t.Context(), NetworkFault{}) },
		"file":    func() (func(context.Context) error, error) { return c.WriteFile(t.Context(), File{}) },
		"disk":    func() (func(context.Context) error, error) { return c.LimitDisk(t.Context(), "", "/", 1) },
	} {
		undo, err := do()
		g.Expect(err).To(MatchError("not permitted"), name)
		g.Expect(undo).To(BeNil(), name)
	}
}

// What the programs log is shown under a name, without what the lab itself brought about, and harmless to a terminal.
func TestFollowLogs_NamesTheLogs(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Upstreams: []Upstream{realApp}})
	ctx, stop := context.WithCancel(t.Context())
	first := true
	fakelab.On(s.agent, "News", func(context.Context, string, agentapi.None) (map[string]string, error) {
		stop()
		if !first {
			return map[string]string{}, nil
		}
		first = false
		return map[string]string{
			"/var/log/nginx/error.log":  "it failed\nsignal 29 (SIGIO) received\n",
			"/var/log/nginx/access.log": "198.51.100.1 asked \x1b[2J\n",
			"/var/log/upstream/php.log": "fpm is running\n",
		}, nil
	})
	var shown strings.Builder
	g.Expect(c.FollowLogs(ctx, &shown)).To(Succeed())
	g.Expect(strings.Split(strings.TrimSpace(shown.String()), "\n")).To(HaveExactElements(
		And(HavePrefix("gateway's access log: 198.51.100.1 asked "), Not(ContainSubstring("\x1b"))),
		"gateway's error log: it failed",
		"php.log: fpm is running",
	))
	fakelab.Fail[agentapi.None](s.agent, "News", errors.New("no news"))
	g.Expect(c.FollowLogs(t.Context(), &shown)).To(MatchError("no news"))
	g.Expect(c.FollowLogs(ctx, &shown)).To(Succeed(), "who has left need not know")
}

func TestFollowLogs_EndsWithItsReader(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	fakelab.Answer[agentapi.None](a, "News", map[string]string{"/var/log/nginx/error.log": "x\n"})
	g.Expect(c.FollowLogs(t.Context(), brokenPipe{})).To(MatchError("broken pipe"))
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
