package lab

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/apache"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

// left are the containers of an image that are there.
func left(e *fakelab.Engine, image string) (all []fakelab.Container) {
	for _, c := range e.Containers() {
		if c.Image == image {
			all = append(all, c)
		}
	}
	return all
}

func TestStart_MakesOneContainerThatReachesNothing(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	all := left(s.engine, imageOf(t))
	g.Expect(all).To(HaveLen(1))
	h := all[0].Host
	g.Expect(string(h.NetworkMode)).To(Equal("none"))
	g.Expect(h.Binds).To(BeEmpty())
	g.Expect(h.PortBindings).To(BeEmpty())
	g.Expect(h.Memory).To(BeZero())
	g.Expect(all[0].Files).To(ConsistOf("/badgateway-agent", FaketimeAt))
	g.Expect(s.GatewayVersion()).To(Equal("nginx/1.22.1"))
	g.Expect(s.Clocked()).To(BeTrue())
	g.Expect(s.Lacks()).To(BeEmpty())
	g.Expect(s.Engine().Host()).To(Equal(s.engine.Host))
	g.Expect(s.Close()).To(Succeed())
	g.Expect(left(s.engine, imageOf(t))).To(BeEmpty())
}

func TestStart_AnUntrustedLabIsBounded(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	staged(t, Options{Untrusted: true, RealTime: true})
	c := left(fakelab.Here(t), imageOf(t))[0]
	g.Expect(c.Host.Memory).To(BeEquivalentTo(untrustedMemory))
	g.Expect(c.Host.MemorySwap).To(BeEquivalentTo(untrustedMemory), "no swap")
	g.Expect(*c.Host.PidsLimit).To(BeEquivalentTo(untrustedPids))
	g.Expect(c.Host.CapDrop).To(Equal([]string{"ALL"}))
	g.Expect(c.Host.CapAdd).To(HaveLen(len(agentRights)))
	for _, right := range agentRights {
		g.Expect(c.Host.CapAdd).To(ContainElement("CAP_" + right))
	}
	g.Expect(c.Host.Mounts[0].VolumeOptions.DriverConfig.Options["o"]).To(ContainSubstring("size=536870912"))
	g.Expect(c.Files).To(ConsistOf("/badgateway-agent"), "in real time no library is brought")
}

// Whatever a lab fails of, its container goes, and the error says what is missing.
func TestStart_LeavesNothingAfterAnError(t *testing.T) {
	t.Parallel()
	lacking := func(need string) agentapi.Hello {
		return agentapi.Hello{PID: 1, Lacks: []agentapi.Lack{{Need: need, What: "setns(2)", Why: "EPERM", Remedy: "ask"}}}
	}
	for name, c := range map[string]struct {
		options Options
		stage   func(*fakelab.Agent)
		as      func(error) bool
		says    string
	}{
		"no sandboxes": {
			stage: func(a *fakelab.Agent) {
				fakelab.Answer[agentapi.None](a, "Hello", lacking(agentapi.NeedSandboxes))
			},
			as: is[*TooLittleError], says: "setns(2) is missing (EPERM): ask",
		},
		"no catch-all where one is needed": {
			options: Options{Untrusted: true, WithoutLimits: true},
			stage: func(a *fakelab.Agent) {
				fakelab.Answer[agentapi.None](a, "Hello", lacking(agentapi.NeedCatchAll))
			},
			as: is[*TooLittleError], says: "setns(2) is missing (EPERM): ask",
		},
		"limits that don't hold": {
			options: Options{Untrusted: true},
			stage: func(a *fakelab.Agent) {
				fakelab.Answer[agentapi.None](a, "Hello", agentapi.Hello{PID: 1, Limits: agentapi.Limits{Memory: untrustedMemory}})
			},
			as: is[*LimitsError], says: "of processes, so",
		},
		"no gateway": {
			stage: func(a *fakelab.Agent) { fakelab.Fail[[]string](a, "Run", errors.New("not found")) },
			as:    is[*LackError], says: "the program nginx in the image",
		},
		"an agent that does not answer": {
			stage: func(a *fakelab.Agent) { fakelab.Fail[agentapi.None](a, "Hello", errors.New("exec format error")) },
			as:    func(error) bool { return true }, says: "did not answer: exec format error",
		},
		"a clock that can't be looked at": {
			stage: func(a *fakelab.Agent) { fakelab.Fail[agentapi.ClockSpec](a, "ClockOf", errors.New("no clock")) },
			as:    func(error) bool { return true }, says: "no clock",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			a := fakelab.NewAgent()
			c.stage(a)
			c.options.GatewayImage = imageOf(t)
			fakelab.Here(t).Has(c.options.GatewayImage, a, nil, nil)
			_, err := Start(t.Context(), c.options)
			g.Expect(err).To(MatchError(ContainSubstring(c.says)))
			g.Expect(c.as(err)).To(BeTrue(), "%T", err)
			g.Expect(left(fakelab.Here(t), c.options.GatewayImage)).To(BeEmpty())
		})
	}
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// What only some sandboxes take is told, and no error.
func TestStart_WhatOnlySomeTakeIsALackOfTheLab(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	lack := Lack{Need: NeedFilters, What: agentapi.Nftables, Why: "EPERM", Remedy: "load nf_tables"}
	a := fakelab.NewAgent()
	fakelab.Answer[agentapi.None](a, "Hello", agentapi.Hello{PID: 1, Lacks: []Lack{lack}})
	fakelab.Here(t).Has(imageOf(t), a, nil, nil)
	l, err := Start(t.Context(), Options{GatewayImage: imageOf(t), Untrusted: true, WithoutLimits: true})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.Lacks()).To(Equal([]Lack{lack}))
	g.Expect(l.Close()).To(Succeed())
}

func TestStart_AnImageThatIsNowhere(t *testing.T) {
	t.Parallel()
	fakelab.Here(t)
	_, err := Start(t.Context(), Options{GatewayImage: "Not A Reference"})
	NewWithT(t).Expect(is[*NoImageError](err)).To(BeTrue(), "%v", err)
}

func TestStart_OfACallerWhoLeavesIsUndone(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	a := fakelab.NewAgent()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	fakelab.On(a, "Run", func(ctx context.Context, _ string, _ []string) (agentapi.Output, error) {
		cancel(enough)
		<-ctx.Done()
		return agentapi.Output{}, context.Cause(ctx)
	})
	fakelab.Here(t).Has(imageOf(t), a, nil, nil)
	_, err := Start(ctx, Options{GatewayImage: imageOf(t)})
	g.Expect(err).To(MatchError(enough))
	g.Expect(left(fakelab.Here(t), imageOf(t))).To(BeEmpty())
}

// An image may have another gateway than the first that is looked for.
func TestStart_TakesTheFirstGatewayThatTheImageHas(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	a := fakelab.NewAgent()
	fakelab.On(a, "Run", func(_ context.Context, _ string, argv []string) (agentapi.Output, error) {
		if argv[0] == apache.Driver.Programs[len(apache.Driver.Programs)-1] {
			return agentapi.Output{Text: "Server version: Apache/2.4.62 (Debian)\nServer built:   2024-10-04\n"}, nil
		}
		return agentapi.Output{}, errors.New("not found")
	})
	fakelab.Here(t).Has(imageOf(t), a, nil, nil)
	l, err := Start(t.Context(), Options{GatewayImage: imageOf(t)})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = l.Close() })
	g.Expect(l.GatewayVersion()).To(HavePrefix("Apache/2.4.62"))
	g.Expect(l.main.Clock()).To(Equal(l.Clock()))
}

// A gateway for musl gets a library that is made for that; a static one is in real time, which nobody asked for.
func TestStart_FindsOutWhoseTimeItIs(t *testing.T) {
	t.Parallel()
	t.Run("musl", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		a := fakelab.NewAgent()
		first := true
		fakelab.On(a, "ClockOf", func(context.Context, string, agentapi.ClockSpec) (agentapi.ClockTaken, error) {
			defer func() { first = false }()
			if first {
				return agentapi.ClockTaken{Why: "nginx is built for musl", Musl: true}, nil
			}
			return agentapi.ClockTaken{}, nil
		})
		fakelab.Here(t).Has(imageOf(t), a, nil, nil)
		l, err := Start(t.Context(), Options{GatewayImage: imageOf(t)})
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { _ = l.Close() })
		g.Expect(l.Clock().Kind).To(Equal(ClockMoved))
		g.Expect(left(fakelab.Here(t), imageOf(t))[0].Files).To(HaveExactElements(Not(BeEmpty()), Not(BeEmpty()), FaketimeAt), "brought once more")
	})
	t.Run("static", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		a := fakelab.NewAgent()
		fakelab.Answer[agentapi.ClockSpec](a, "ClockOf", agentapi.ClockTaken{Why: "nginx is a static program"})
		fakelab.Here(t).Has(imageOf(t), a, nil, nil)
		l, err := Start(t.Context(), Options{GatewayImage: imageOf(t)})
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { _ = l.Close() })
		g.Expect(l.Clock()).To(Equal(Clock{Kind: ClockReal, Why: "nginx is a static program", Unasked: true, Image: nginx.Driver.Image}))
		g.Expect(l.Clocked()).To(BeFalse())
	})
	t.Run("asked for", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		s := staged(t, Options{RealTime: true})
		g.Expect(s.Clock()).To(Equal(askedForRealTime))
		g.Expect(fakelab.Args[agentapi.ClockSpec](s.agent, "ClockOf")).To(BeEmpty())
	})
}

// The project's own image has the servers that stand behind a gateway too.
func TestStart_OfTheProjectsOwnImage(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	fakelab.Here(t)
	l, err := Start(t.Context(), Options{})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = l.Close() })
	c, err := l.Open(t.Context(), Setup{
		Gateway:   Gateway{Driver: nginx.Driver},
		Upstreams: []Upstream{{Name: "near", Real: &Backend{Argv: []string{"nginx"}, Listen: "10.0.0.8:80"}}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.elsewhere()).To(BeEmpty())
	start, err := l.Production(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(start.Argv).To(BeEmpty())
}

func TestProduction_IsHowTheImageIsStarted(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	fakelab.Here(t).Has(imageOf(t), fakelab.NewAgent(), nil, map[string]any{
		"User": "web", "WorkingDir": "/srv", "Entrypoint": []string{"/start.sh"}, "Cmd": []string{"nginx"}, "Env": []string{"A=1"},
	})
	l, err := Start(t.Context(), Options{GatewayImage: imageOf(t)})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = l.Close() })
	start, err := l.Production(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(start.Argv).To(Equal([]string{"/start.sh", "nginx"}))
	g.Expect(start.User).To(Equal("web"))
	g.Expect(start.Dir).To(Equal("/srv"))
	memory, err := l.Memory(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(memory).To(BeEquivalentTo(1 << 20))
}

// The engine removes a container by itself when its program ends, and may be at it when it is told to.
func TestClose_WaitsForAnEngineThatIsAtItAlready(t *testing.T) {
	for _, c := range []struct {
		wait int // the engine's answer to who waits; 0 for its end
		says any
	}{
		{0, BeEmpty()}, {http.StatusNotFound, BeEmpty()}, {http.StatusInternalServerError, ContainSubstring("waiting until the container is removed")},
	} {
		g := NewWithT(t)
		e := ownEngine(t)
		var closing atomic.Bool
		e.Refuse = func(method, path string) (int, string) {
			switch {
			case closing.Load() && strings.HasSuffix(path, "/stop"):
				return http.StatusConflict, "removal of container is already in progress"
			case closing.Load() && method == http.MethodDelete:
				return http.StatusConflict, "removal of container is already in progress"
			case closing.Load() && strings.HasSuffix(path, "/wait"):
				return c.wait, "no answer"
			}
			return 0, ""
		}
		s := start(t, e, Options{})
		closing.Store(true)
		err := s.Lab.Close()
		text := ""
		if err != nil {
			text = err.Error()
		}
		g.Expect(text).To(c.says.(OmegaMatcher))
		closing.Store(false)
	}
}

// What the engine does not do is told in its own words, and nothing is left of what it did.
func TestStart_OnAnEngineThatRefuses(t *testing.T) {
	for part, says := range map[string]string{
		"/containers/create": "making the container", "/archive": "copying the lab's program", "/attach": "attaching to the container",
		"/start": "no space left", "/info": "asking the engine what it is",
	} {
		t.Run(part, func(t *testing.T) {
			g := NewWithT(t)
			e := ownEngine(t)
			e.Has(imageOf(t), fakelab.NewAgent(), nil, nil)
			e.Refuse = func(_, path string) (int, string) {
				if strings.HasSuffix(path, part) {
					return http.StatusInternalServerError, "no space left"
				}
				return 0, ""
			}
			_, err := Start(t.Context(), Options{GatewayImage: imageOf(t), RealTime: true})
			g.Expect(err).To(MatchError(ContainSubstring(says)))
			g.Expect(e.Containers()).To(BeEmpty())
		})
	}
}

func TestNginxVersions_AreInOrder(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	g.Expect(len(NginxVersions())).To(BeNumerically(">", 1))
	for i, v := range NginxVersions()[1:] {
		g.Expect(gateway.Build{Version: NginxVersions()[i]}.Before(v)).To(BeTrue(), "%s before %s", NginxVersions()[i], v)
	}
}
