package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/docker"
)

// An Examination is what a lab would find on an engine, thing by thing.
type Examination struct {
	Things []Thing `json:"things"`
	// Lab is true when a lab can be had; a thing that is missing may still cost some scenarios.
	Lab bool `json:"lab"`
}

// A Thing is one that labs take.
type Thing struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Says   string `json:"says"`             // what was found
	Lost   string `json:"lost,omitempty"`   // what can't be had without it
	Remedy string `json:"remedy,omitempty"` // what helps
}

func (e *Examination) ok(name, format string, a ...any) {
	e.Things = append(e.Things, Thing{Name: name, OK: true, Says: fmt.Sprintf(format, a...)})
}

func (e *Examination) missing(name, lost string, err error, remedy string) {
	e.Things = append(e.Things, Thing{Name: name, Says: err.Error(), Lost: lost, Remedy: remedy})
}

// What a thing that is missing costs.
const (
	lostAll    = "no lab can be had"
	lostChecks = "no config can be checked"
	lostSome   = "the scenarios that take it are skipped"
	lostLimits = "the scenarios that take it are skipped, and a config can be checked only with --without-limits"
)

// enoughDisk is what the engine should have left: its images take most of it.
const enoughDisk = 2 << 30

// Examine tries all that labs take: the engine, what it says of itself, an image, and in a container of it rights, limits,
// kernel features and the clock. It makes the image if it is not there. Nothing else is left behind.
func Examine(ctx context.Context, o Options) (x Examination) {
	e, err := docker.Find(ctx, docker.Options{Install: o.Install, Logger: o.Logger})
	if err != nil {
		remedy := ""
		if no := (*docker.NoEngineError)(nil); errors.As(err, &no) {
			remedy = no.Remedy
		}
		x.missing("engine", lostAll, err, remedy)
		return x
	}
	defer e.Close()
	x.engine(ctx, e)
	l := newLab(o, e)
	defer func() {
		if err := l.Close(); err != nil {
			x.missing("end of the lab", lostSome, err, "`badgateway clean` removes what is left")
		}
	}()
	if !x.container(ctx, l) {
		return x
	}
	x.Lab = true
	x.rights(l.gateway.hello)
	x.limits(l.gateway.hello.Limits)
	x.disk(l.gateway.hello)
	if x.Lab {
		x.programs(ctx, l)
	}
	return x
}

// engine is what the engine says of itself.
func (x *Examination) engine(ctx context.Context, e *docker.Engine) {
	x.ok("engine", "%s %s at %s, found by %s", e.Name(), e.Version(), e.Host(), e.Way())
	i, err := e.Info(ctx)
	if err != nil {
		x.missing("engine's account of itself", lostSome, err, "")
		return
	}
	user := "root"
	switch {
	case i.Rootless:
		user = "a user without root"
	case i.Remapped:
		user = "root, whose containers have other users (userns-remap)"
	}
	x.ok("machine", "%s, Linux %s, %s", i.System, i.Kernel, e.Architecture())
	x.ok("runs as", "%s", user)
	x.ok("storage", "%s", i.Storage)
	x.ok("control groups", "version %s", i.Cgroup)
}

// container is whether one can be started, and the agent in it.
func (x *Examination) container(ctx context.Context, l *Lab) bool {
	image := l.options.GatewayImage
	var err error
	if image != "" {
		err = l.engine.Pull(ctx, image)
	} else {
		image, err = l.engine.Image(ctx, "gateway")
	}
	if err != nil {
		remedy := ""
		var build *docker.BuildError
		var none *docker.NoImageError
		switch {
		case errors.As(err, &build):
			remedy = build.Remedy
		case errors.As(err, &none):
			remedy = none.Remedy
		}
		x.missing("image", lostAll, err, remedy)
		return false
	}
	x.ok("image", "%s", image)
	if l.agent, err = l.engine.Agent(ctx); err != nil {
		x.missing("lab's program", lostAll, err, "")
		return false
	}
	if l.gateway, err = l.newContainer(ctx, labContainerSpec{image: image, untrusted: true, cpus: 0.5}); err != nil {
		x.missing("container", lostAll, err, "")
		return false
	}
	x.ok("container", "starts with no network, no port and no path of the machine")
	return true
}

// rights are those of a container, and the kernel's features.
func (x *Examination) rights(hello agentapi.Hello) {
	for _, what := range agentapi.Tried {
		i := slices.IndexFunc(hello.Lacks, func(l agentapi.Lack) bool { return l.What == what })
		if i < 0 {
			x.ok(what, "there")
			continue
		}
		lack := hello.Lacks[i]
		lost := lostSome
		switch lack.Need {
		case agentapi.NeedSandboxes:
			lost, x.Lab = lostAll, false
		case agentapi.NeedCatchAll:
			lost = lostChecks
		}
		x.missing(what, lost, errors.New(lack.Why), lack.Remedy)
	}
}

// limits are those that the kernel holds the container to.
func (x *Examination) limits(got agentapi.Limits) {
	for _, limit := range []struct {
		name string
		held bool
		lost string
	}{
		{agentapi.NeedMemory, got.Memory == untrustedMemory, lostLimits},
		{"a limit on processes", got.Pids == untrustedPids, "a config can be checked only with --without-limits"},
		{agentapi.NeedCPUs, notHeld(agentapi.Limits{CPUs: 0.5}, got) == nil, lostSome},
	} {
		if limit.held {
			x.ok(limit.name, "holds")
		} else {
			x.missing(limit.name, limit.lost, errors.New("the engine does not apply it"), limitsRemedy)
		}
	}
}

func (x *Examination) disk(hello agentapi.Hello) {
	free := fmt.Sprintf("%.1f GiB free where the engine keeps its containers", float64(hello.DiskFree)/(1<<30))
	if hello.DiskFree < enoughDisk {
		x.missing("disk", "images may not be made", errors.New(free), "free some space, for instance with `docker system prune`")
		return
	}
	x.ok("disk", "%s", free)
}

// programs are the gateway, its clock, and a catch-all sandbox for an untrusted config.
func (x *Examination) programs(ctx context.Context, l *Lab) {
	var err error
	if l.main, err = l.findGateway(ctx); err != nil {
		x.Lab = false
		x.missing("gateway", lostAll, err, "")
		return
	}
	x.ok("gateway", "%s", l.GatewayVersion())
	if c := l.Clock(); c.Unasked {
		x.missing("clock", "every wait is as long as it says", errors.New(c.Why), "take an image whose libc is glibc, such as "+l.main.driver.Image)
	} else {
		x.ok("clock", "can be moved")
	}
	w, err := l.Open(ctx, Setup{CatchAll: &CatchAll{}})
	if err != nil {
		x.missing("jail", lostChecks, err, "")
		return
	}
	if err := w.Close(); err != nil {
		x.missing("jail", lostChecks, err, "")
		return
	}
	x.ok("jail", "a config that anybody wrote can be run in it")
}

// Missing are the names of what is missing.
func (x Examination) Missing() string {
	var all []string
	for _, t := range x.Things {
		if !t.OK {
			all = append(all, t.Name)
		}
	}
	return strings.Join(all, ", ")
}
