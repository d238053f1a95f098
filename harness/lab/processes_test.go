package lab

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

func TestStartGateway_WhatItRefusesIsAConfigError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ printed, says string }{
		"with its reason": {
			"2026/01/02 03:04:05 [warn] 1#1: duplicate value\n2026/01/02 03:04:05 [emerg] 1#1: unknown directive \"proxxy\" in /etc/nginx/nginx.conf:3\n",
			`nginx does not start with this config: unknown directive "proxxy" in /etc/nginx/nginx.conf:3`,
		},
		"in words of its own": {"Segmentation fault", "nginx does not start with this config: Segmentation fault"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			sandbox, a := moved(t)
			fakelab.Answer[agentapi.ProcSpec](a, "Start", agentapi.ProcStarted{Exited: true, Output: c.printed})
			err := sandbox.RestartGateway(t.Context())
			var refused *ConfigError
			g.Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
			g.Expect(err).To(MatchError(c.says))
			g.Expect(refused.Output).To(Equal(c.printed))
			g.Expect(names(a.Calls())).To(Equal([]string{"Signal", "Start"}))
		})
	}
}

func TestStartGateway_AClockThatWasTakenHasToBeTakenAgain(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	fakelab.Answer[agentapi.ProcSpec](a, "Start", agentapi.ProcStarted{PID: 7, Clockless: true})
	g.Expect(c.StartGateway(t.Context())).To(MatchError(ContainSubstring("does not take it now")))
}

func TestRestartGateway_EndsAllOfItFirst(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	g.Expect(c.RestartGateway(t.Context())).To(Succeed())
	g.Expect(names(a.Calls())).To(Equal([]string{"Signal", "Start"}))
	g.Expect(fakelab.Args[agentapi.ProcRef](a, "Signal")).To(Equal([]agentapi.ProcRef{{Name: "gateway", Signal: 9, Group: true, Await: true}}))
	fakelab.Fail[agentapi.ProcRef](a, "Signal", errors.New("did not end"))
	a.Forget()
	g.Expect(c.RestartGateway(t.Context())).To(MatchError("did not end"))
	g.Expect(a.Calls("Start")).To(BeEmpty(), "two would listen at one address")
}

func TestSetConfig_WritesItAndRestarts(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	fakelab.Answer[agentapi.NameRef](a, "Read", agentapi.FileText{Text: "the image's own"})
	config, err := c.Config(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config).To(Equal("the image's own"))
	a.Forget()
	g.Expect(c.SetConfig(t.Context(), "events {}")).To(Succeed())
	g.Expect(names(a.Calls())).To(Equal([]string{"Change", "Signal", "Start"}))
	g.Expect(fakelab.Args[agentapi.FileSpec](a, "Change")[0].File).To(Equal(File{Path: nginx.Driver.Conf, Data: "events {}"}))
	config, err = c.Config(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config).To(Equal("events {}"))

	fakelab.Fail[agentapi.FileSpec](a, "Change", errors.New("read-only"))
	a.Forget()
	g.Expect(c.SetConfig(t.Context(), "http {}")).To(MatchError("read-only"))
	g.Expect(a.Calls()).To(HaveLen(1))
	config, err = c.Config(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config).To(Equal("events {}"), "it was not written")
}

func TestStartUpstream_TakesThePlaceOfItsName(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	other := Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8081"}}
	g.Expect(c.StartUpstream(t.Context(), other)).To(Succeed())
	g.Expect(names(a.Calls())).To(Equal([]string{"StopFake", "StartFake"}))
	runs, known := c.Running("app")
	g.Expect(known).To(BeTrue())
	g.Expect(runs).To(Equal(other))
	first, err := c.Upstream("app")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first).To(Equal(fakeApp), "as it was set up")

	g.Expect(c.StartUpstream(t.Context(), Upstream{Name: "app"})).To(MatchError(ContainSubstring("either Fake or Real")))
	fakelab.Fail[agentapi.FakeSpec](a, "StartFake", errors.New("address in use"))
	g.Expect(c.StartUpstream(t.Context(), Upstream{Name: "new", Fake: fakeApp.Fake})).To(MatchError(ContainSubstring("address in use")))
	_, known = c.Running("new")
	g.Expect(known).To(BeFalse())
}

func TestStopUpstream_OnceAndNoMore(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Upstreams: []Upstream{fakeApp, realApp}})
	ctx := t.Context()
	g.Expect(c.StopUpstream(ctx, "app", 0)).To(Succeed())
	g.Expect(c.StopUpstream(ctx, "app", 0)).To(MatchError(`the upstream "app" does not run`))
	g.Expect(c.SignalUpstream(ctx, "app", 15, false)).To(MatchError(ContainSubstring(`no real upstream "app"`)))
	g.Expect(c.SignalUpstream(ctx, "php", 12, true)).To(Succeed())
	g.Expect(c.StopUpstream(ctx, "php", 15)).To(Succeed())
	g.Expect(c.StartUpstream(ctx, realApp)).To(Succeed())
	g.Expect(c.StopUpstream(ctx, "php", 0)).To(Succeed())
	g.Expect(fakelab.Args[agentapi.ProcRef](s.beside, "Signal")).To(Equal([]agentapi.ProcRef{
		{Name: "php", Signal: 12, Children: true},
		{Name: "php", Signal: 15, Await: true},
		{Name: "php", Signal: 9, Group: true, Await: true},
	}))
	g.Expect(names(s.agent.Calls())).To(Equal([]string{"StopFake"}), "the gateway's container has the fake alone")
	g.Expect(c.SignalUpstream(ctx, "php", 15, false)).To(MatchError(ContainSubstring("no real upstream")))
}

// Its log comes with each answer, also that of one that the sandbox was not set up with.
func TestStartUpstream_FollowsTheLogOfANewBackend(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Clock: true, Upstreams: []Upstream{realApp}})
	fakelab.Answer[agentapi.ProcSpec](s.beside, "Start", agentapi.ProcStarted{PID: 8, Clockless: true})
	late := Upstream{Name: "late", Real: &Backend{Image: "php", Argv: []string{"php"}, Listen: "unix:/run/late.sock", Log: "/var/log/upstream/late.log"}}
	g.Expect(c.StartUpstream(t.Context(), late)).To(Succeed())
	g.Expect(fakelab.Args[agentapi.FollowSpec](s.agent, "Follow")).To(Equal([]agentapi.FollowSpec{{Path: "/var/log/upstream/late.log"}}))
	g.Expect(texts(c.Transcript())).To(ContainElement("upstream late: takes no moved clock: its time is real"))
	g.Expect(names(s.beside.Calls())).To(Equal([]string{"Start"}), "the sandbox is open there already")
	same := realApp
	same.Name = "same"
	s.agent.Forget()
	g.Expect(c.StartUpstream(t.Context(), same)).To(Succeed())
	g.Expect(s.agent.Calls("Follow")).To(BeEmpty())
}

// Backends of one image share a container, and all sandboxes do; one with limits has its own, which goes with the sandbox.
func TestBackends_ShareAContainerUnlessTheyAreLimited(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	limited := realApp
	b := *realApp.Real
	b.Memory = 1 << 30
	limited.Name, limited.Real = "small", &b
	one := s.open(t, Setup{Upstreams: []Upstream{realApp}})
	two := s.open(t, Setup{Upstreams: []Upstream{realApp, limited}})
	g.Expect(one.elsewhere()).To(HaveLen(1))
	g.Expect(two.elsewhere()).To(ContainElement(one.elsewhere()[0]))
	g.Expect(two.elsewhere()).To(HaveLen(2))
	beside := func() (limits []int64) {
		for _, c := range s.engine.Containers() {
			if c.Host.NetworkMode == joining(s) {
				limits = append(limits, c.Host.Memory)
			}
		}
		return limits
	}
	g.Expect(beside()).To(ConsistOf(int64(0), int64(1<<30)))
	g.Expect(two.Close()).To(Succeed())
	g.Expect(beside()).To(ConsistOf(int64(0)))
	g.Expect(s.Lab.Close()).To(Succeed())
	g.Expect(beside()).To(BeEmpty())
}

func TestBackends_ALimitThatIsNotHeldIsALack(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	fakelab.Answer[agentapi.None](s.beside, "Hello", agentapi.Hello{PID: 1})
	limited := realApp
	b := *realApp.Real
	b.Memory = 32 << 20
	limited.Real = &b
	_, err := s.Open(t.Context(), Setup{Gateway: Gateway{Driver: nginx.Driver}, Upstreams: []Upstream{limited}})
	var lack *LackError
	g.Expect(errors.As(err, &lack)).To(BeTrue(), "%v", err)
	g.Expect(lack.Need).To(Equal(NeedMemory))
	for _, c := range s.engine.Containers() {
		g.Expect(c.Host.NetworkMode).NotTo(Equal(joining(s)), "it is removed")
	}
}

// joining is the network of the backends of a lab: that of its first container.
func joining(s *stage) container.NetworkMode {
	return container.NetworkMode("container:" + s.gateway.container.GetContainerID())
}

func TestLimitCPUs_GivesBackTheFormerShare(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	limited := realApp
	b := *realApp.Real
	b.CPUs = 0.5
	limited.Real = &b
	c := s.open(t, Setup{Upstreams: []Upstream{limited, fakeApp}})
	share := func() int64 {
		for _, one := range s.engine.Containers() {
			if one.ID == c.elsewhere()[0].container.GetContainerID() {
				return one.Host.CPUQuota
			}
		}
		return -1
	}
	ctx := t.Context()
	g.Expect(share()).To(BeEquivalentTo(50_000))
	first, err := c.LimitCPUs(ctx, "php", 0.25)
	g.Expect(err).NotTo(HaveOccurred())
	second, err := c.LimitCPUs(ctx, "php", 0.01)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(share()).To(BeEquivalentTo(1000))
	g.Expect(second(ctx)).To(Succeed())
	g.Expect(share()).To(BeEquivalentTo(25_000))
	g.Expect(first(ctx)).To(Succeed())
	g.Expect(share()).To(BeEquivalentTo(50_000))

	_, err = c.LimitCPUs(ctx, "nobody", 1)
	g.Expect(err).To(MatchError(ContainSubstring(`no upstream "nobody"`)))
	_, err = c.LimitCPUs(ctx, "app", 1)
	g.Expect(err).To(MatchError(ContainSubstring("no share of processors")))
}

func TestLimitCPUs_IsWhatOldPodmansLack(t *testing.T) {
	g := NewWithT(t)
	for podman, want := range map[bool]any{true: BeTrue(), false: BeFalse()} {
		e := ownEngine(t)
		e.Podman = podman
		e.Refuse = func(_, path string) (int, string) {
			if strings.HasSuffix(path, "/update") {
				return http.StatusNotFound, "no such call"
			}
			return 0, ""
		}
		s := start(t, e, Options{})
		limited := realApp
		b := *realApp.Real
		b.CPUs = 0.5
		limited.Real = &b
		c := s.open(t, Setup{Upstreams: []Upstream{limited}})
		_, err := c.LimitCPUs(t.Context(), "php", 0.25)
		var lack *LackError
		g.Expect(err).To(HaveOccurred())
		g.Expect(errors.As(err, &lack)).To(want.(OmegaMatcher), "%v", err)
	}
}

func TestWatch_OfAFakeWaitsForOneMoreThanThereWere(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	fakelab.Answer[agentapi.NameRef](a, "Records", []fakeupstream.ConnectionRecord{{}, {}})
	w, err := c.Watch(t.Context(), ConnectionAt("app"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.Wait(t.Context())).To(Succeed())
	g.Expect(fakelab.Args[agentapi.ReachedSpec](a, "Reached")).To(Equal([]agentapi.ReachedSpec{{Name: "app", Connections: 3}}))
	g.Expect(fakelab.Args[agentapi.TakenSpec](a, "Settled")).To(Equal([]agentapi.TakenSpec{{Gateway: "gateway", At: "10.0.0.5:8080", Unread: true}}))
	g.Expect(texts(c.Transcript())).To(ContainElement("upstream: app has the connection"))
	fakelab.Fail[agentapi.TakenSpec](a, "Settled", errors.New("never"))
	g.Expect(w.Wait(t.Context())).To(MatchError("waiting until app has the connection: never"))
}

// A real upstream tells nothing: the kernel does. One that runs beside the gateway has to be through with it too.
func TestWatch_OfARealUpstream(t *testing.T) {
	t.Parallel()
	beside := Upstream{Name: "near", Real: &Backend{Argv: []string{"nginx"}, Listen: "10.0.0.8:80"}}
	for _, c := range []struct {
		upstream Upstream
		until    func(string) Condition
		near     []string // calls of the container of backends
	}{
		{realApp, RequestAt, nil},
		{beside, RequestAt, []string{"Idle"}},
		{beside, ConnectionAt, nil},
	} {
		t.Run(c.until(c.upstream.Name).String(), func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := staged(t, Options{})
			sandbox := s.open(t, Setup{Upstreams: []Upstream{c.upstream}})
			w, err := sandbox.Watch(t.Context(), c.until(c.upstream.Name))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(w.Wait(t.Context())).To(Succeed())
			g.Expect(names(s.agent.Calls())).To(Equal([]string{"Taken", "Settled"}))
			g.Expect(names(s.beside.Calls())).To(Equal(c.near))
		})
	}
}

func TestWatch_OfAFileWaitsUntilItIsOpened(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	w, err := c.Watch(t.Context(), Opened("/var/www/index.php"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(a.Calls())).To(Equal([]string{"Watch"}), "before the request is sent")
	g.Expect(w.Wait(t.Context())).To(Succeed())
	g.Expect(names(a.Calls())).To(Equal([]string{"Watch", "Opened", "Idle"}))
	fakelab.Fail[agentapi.NameRef](a, "Opened", context.DeadlineExceeded)
	g.Expect(w.Wait(t.Context())).To(MatchError(ContainSubstring("waiting until /var/www/index.php is opened")))
	g.Expect(a.Calls("Idle")).To(HaveLen(1))
}

// An upstream that was replaced is watched where it runs now.
func TestWatch_GoesByTheUpstreamThatRuns(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	g.Expect(c.StartUpstream(t.Context(), Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8081"}})).To(Succeed())
	w, err := c.Watch(t.Context(), RequestAt("app"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.Wait(t.Context())).To(Succeed())
	g.Expect(c.StopUpstream(t.Context(), "app", 0)).To(Succeed())
	g.Expect(w.Wait(t.Context())).To(Succeed())
	var at []string
	for _, s := range fakelab.Args[agentapi.TakenSpec](a, "Settled") {
		at = append(at, s.At)
	}
	g.Expect(at).To(Equal([]string{"10.0.0.5:8081", "10.0.0.5:8080"}))
}

// Many a server says in its own log alone why it does not start.
func TestStartUpstream_ABackendThatDoesNotStartShowsTheEndOfItsLog(t *testing.T) {
	t.Parallel()
	const log = "one\ntwo\nthree\nfour\nfive\nsix\n"
	for name, c := range map[string]struct {
		answer func(*fakelab.Agent)
		read   error
		says   string
	}{
		"as it ended": {
			func(a *fakelab.Agent) {
				fakelab.Answer[agentapi.ProcSpec](a, "Start", agentapi.ProcStarted{Exited: true, Output: "see the log"})
			}, nil,
			"starting the upstream php: php-fpm8.2 ended at its start: see the log; its log /var/log/upstream/php.log ends:\ntwo\nthree\nfour\nfive\nsix",
		},
		"as it does not listen": {
			func(a *fakelab.Agent) {
				fakelab.Fail[agentapi.ProcSpec](a, "Start", errors.New("php did not listen on 10.0.0.6:9000 within 20s"))
			}, nil,
			"starting the upstream php: php did not listen on 10.0.0.6:9000 within 20s; its log /var/log/upstream/php.log ends:\ntwo\nthree\nfour\nfive\nsix",
		},
		"which it printed too": {
			func(a *fakelab.Agent) {
				fakelab.Answer[agentapi.ProcSpec](a, "Start", agentapi.ProcStarted{Exited: true, Output: "zero\n" + log})
			}, nil,
			"starting the upstream php: php-fpm8.2 ended at its start: zero\n" + log,
		},
		"though that can't be read": {
			func(a *fakelab.Agent) {
				fakelab.Answer[agentapi.ProcSpec](a, "Start", agentapi.ProcStarted{Exited: true, Output: "see the log"})
			}, errors.New("no such device"),
			"starting the upstream php: php-fpm8.2 ended at its start: see the log",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := staged(t, Options{})
			sandbox := s.open(t, Setup{})
			c.answer(s.beside)
			if c.read != nil {
				fakelab.Fail[agentapi.NameRef](s.agent, "Read", c.read)
			} else {
				fakelab.Answer[agentapi.NameRef](s.agent, "Read", agentapi.FileText{Text: log})
			}
			err := sandbox.StartUpstream(t.Context(), realApp)
			g.Expect(err).To(MatchError(c.says))
			g.Expect(fakelab.Args[agentapi.NameRef](s.agent, "Read")).To(Equal([]agentapi.NameRef{{Name: realApp.Real.Log}}))
		})
	}
}

func TestBackendFolders_AreThoseOfAllThatShareTheContainer(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	backend := func(image string, paths ...string) Upstream {
		b := &Backend{Image: image}
		for _, p := range paths {
			b.Folders = append(b.Folders, Folder{Path: p})
		}
		return Upstream{Name: paths[0], Real: b}
	}
	database, app := backend("wordpress", "/var/lib/mysql", "/tmp"), backend("wordpress", "/var/lib/wordpress", "/tmp")
	c := &Sandbox{setup: Setup{Upstreams: []Upstream{database, app, backend("php", "/srv"), {Name: "api"}}}}
	var paths []string
	for _, f := range c.backendFolders(database) {
		paths = append(paths, f.Path)
	}
	g.Expect(paths).To(Equal([]string{"/run", "/var/www", "/var/log/upstream", "/var/lib/mysql", "/tmp", "/var/lib/wordpress"}))
}
