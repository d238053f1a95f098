package lab

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/system"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

// examined is what is found in a lab of an agent.
func examined(t *testing.T, e *fakelab.Engine, stage func(*fakelab.Agent)) Examination {
	t.Helper()
	a := fakelab.NewAgent()
	stage(a)
	e.Has(imageOf(t), a, nil, nil)
	x := Examine(t.Context(), Options{GatewayImage: imageOf(t)})
	if all := left(e, imageOf(t)); len(all) > 0 {
		t.Errorf("it leaves %v", all)
	}
	return x
}

// thing is the one of that name.
func (e Examination) thing(name string) Thing {
	for _, one := range e.Things {
		if one.Name == name {
			return one
		}
	}
	return Thing{}
}

func TestExamine_WhereAllIsThere(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	x := examined(t, fakelab.Here(t), func(*fakelab.Agent) {})
	g.Expect(x.Missing()).To(BeEmpty())
	g.Expect(x.Lab).To(BeTrue())
	g.Expect(x.thing("engine").Says).To(MatchRegexp(`^Docker 1\.0 at tcp://\S+, found by DOCKER_HOST$`))
	g.Expect(x.thing("gateway").Says).To(Equal("nginx/1.22.1"))
	g.Expect(x.thing("runs as").Says).To(Equal("root"))
	g.Expect(x.thing("disk").Says).To(HavePrefix("100.0 GiB"))
	for _, what := range agentapi.Tried {
		g.Expect(x.thing(what).OK).To(BeTrue(), what)
	}
}

// Each thing that is missing says what can't be had without it.
func TestExamine_WhatIsMissingCostsSomething(t *testing.T) {
	t.Parallel()
	hello := func(h agentapi.Hello) func(*fakelab.Agent) {
		if h.Limits == (agentapi.Limits{}) {
			h.Limits = agentapi.Limits{Memory: untrustedMemory, Pids: untrustedPids, CPUs: 0.5}
		}
		if h.DiskFree == 0 {
			h.DiskFree = enoughDisk
		}
		return func(a *fakelab.Agent) { fakelab.Answer[agentapi.None](a, "Hello", h) }
	}
	lack := func(need, what string) func(*fakelab.Agent) {
		return hello(agentapi.Hello{Lacks: []Lack{{Need: need, What: what, Why: "EPERM", Remedy: "ask"}}})
	}
	for name, c := range map[string]struct {
		stage  func(*fakelab.Agent)
		lacks  string // the thing
		lost   string
		lab    bool
		remedy string
	}{
		"namespaces":   {lack(agentapi.NeedSandboxes, agentapi.Setns), agentapi.Setns, lostAll, false, "ask"},
		"jails":        {lack(agentapi.NeedCatchAll, agentapi.Openat2), agentapi.Openat2, lostChecks, true, "ask"},
		"filters":      {lack(agentapi.NeedFilters, agentapi.Nftables), agentapi.Nftables, lostSome, true, "ask"},
		"memory":       {hello(agentapi.Hello{Limits: agentapi.Limits{Pids: untrustedPids, CPUs: 0.5}}), agentapi.NeedMemory, lostLimits, true, limitsRemedy},
		"processes":    {hello(agentapi.Hello{Limits: agentapi.Limits{Memory: untrustedMemory, CPUs: 0.5}}), "a limit on processes", "without-limits", true, limitsRemedy},
		"processors":   {hello(agentapi.Hello{Limits: agentapi.Limits{Memory: untrustedMemory, Pids: untrustedPids}}), agentapi.NeedCPUs, lostSome, true, limitsRemedy},
		"a full disk":  {hello(agentapi.Hello{DiskFree: 1 << 20}), "disk", "images may not be made", true, "docker system prune"},
		"no gateway":   {func(a *fakelab.Agent) { fakelab.Fail[[]string](a, "Run", errors.New("not found")) }, "gateway", lostAll, false, ""},
		"no container": {func(a *fakelab.Agent) { fakelab.Fail[agentapi.None](a, "Hello", errors.New("no")) }, "container", lostAll, false, ""},
		"a static gateway": {func(a *fakelab.Agent) {
			fakelab.Answer[agentapi.ClockSpec](a, "ClockOf", agentapi.ClockTaken{Why: "it is static"})
		}, "clock", "every wait is as long as it says", true, "glibc"},
		"no jail": {func(a *fakelab.Agent) {
			fakelab.Fail[agentapi.SandboxSpec](a, "Open", errors.New("EPERM"))
		}, "jail", lostChecks, true, ""},
		"a jail that does not end": {func(a *fakelab.Agent) {
			fakelab.Fail[agentapi.None](a, "Close", errors.New("EBUSY"))
		}, "jail", lostChecks, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			x := examined(t, fakelab.Here(t), c.stage)
			g.Expect(x.Missing()).To(Equal(c.lacks))
			g.Expect(x.Lab).To(Equal(c.lab))
			missing := x.thing(c.lacks)
			g.Expect(missing.Lost).To(ContainSubstring(c.lost))
			g.Expect(missing.Remedy).To(ContainSubstring(c.remedy))
			g.Expect(missing.Says).NotTo(BeEmpty())
		})
	}
}

func TestExamine_WithoutAnEngine(t *testing.T) {
	g := NewWithT(t)
	fakelab.Here(t)
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	x := Examine(t.Context(), Options{})
	g.Expect(x.Lab).To(BeFalse())
	g.Expect(x.Things).To(HaveExactElements(And(
		HaveField("Name", "engine"), HaveField("OK", false), HaveField("Lost", lostAll), HaveField("Remedy", Not(BeEmpty())))))
	_, err := FindEngine(t.Context(), Options{})
	g.Expect(is[*NoEngineError](err)).To(BeTrue(), "%v", err)
}

func TestExamine_TellsWhomTheEngineRunsAs(t *testing.T) {
	for option, says := range map[string]string{"name=rootless": "a user without root", "name=userns": "userns-remap"} {
		g := NewWithT(t)
		e := ownEngine(t)
		e.Info = system.Info{SecurityOptions: []string{option}}
		x := examined(t, e, func(*fakelab.Agent) {})
		g.Expect(x.thing("runs as").Says).To(ContainSubstring(says))
		g.Expect(x.thing("control groups").Says).To(Equal("version 1"))
	}
}

// An engine that says nothing of itself may hold a lab all the same; one without the image can't.
func TestExamine_OnAnEngineThatRefuses(t *testing.T) {
	for part, c := range map[string]struct {
		lacks string
		lab   bool
	}{"/info": {"engine's account of itself", true}, "/json": {"image", false}} {
		t.Run(part, func(t *testing.T) {
			g := NewWithT(t)
			e := ownEngine(t)
			e.Refuse = func(_, path string) (int, string) {
				if strings.HasSuffix(path, part) {
					return http.StatusInternalServerError, "broken"
				}
				return 0, ""
			}
			x := examined(t, e, func(*fakelab.Agent) {})
			g.Expect(x.Missing()).To(Equal(c.lacks))
			g.Expect(x.Lab).To(Equal(c.lab))
		})
	}
}
