package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/known"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/once"
)

// A Program is a gateway's program as a lab's image has it.
type Program struct {
	gateway.Build
	driver gateway.Driver
	argv   []string // of the driver as it comes
	clock  Clock
}

// findGateway finds the first of the known programs that the gateway's image has.
func (l *Lab) findGateway(ctx context.Context) (*Program, error) {
	var first error
	for _, d := range known.Drivers {
		p, err := l.program(ctx, d)
		if lack := (*LackError)(nil); err == nil || !errors.As(err, &lack) {
			return p, err
		}
		first = cmp.Or(first, err)
	}
	return nil, first
}

// Program is a gateway's program as the lab's image has it. Where the image has none that can be run it is a [LackError].
func (l *Lab) Program(ctx context.Context, d gateway.Driver) (*Program, error) {
	l, err := l.with(ctx, d)
	if err != nil {
		return nil, err
	}
	return l.program(ctx, d)
}

// program is Program in this lab's image alone.
func (l *Lab) program(ctx context.Context, d gateway.Driver) (*Program, error) {
	l.mu.Lock()
	found := l.programs[d.Name]
	if found == nil {
		found = &once.Value[*Program]{}
		l.programs[d.Name] = found
	}
	l.mu.Unlock()
	return found.Get(ctx, func(ctx context.Context) (*Program, error) {
		p, err := l.look(ctx, d)
		if err == nil {
			p.clock, err = l.lookAtClock(ctx, p)
		}
		return p, err
	})
}

// look finds a gateway's program in the lab's image, and learns how that was built.
func (l *Lab) look(ctx context.Context, d gateway.Driver) (*Program, error) {
	var first error
	for _, program := range d.Programs {
		var out agentapi.Output
		err := l.gateway.client.Call(ctx, "", "Run", append([]string{program}, d.Probe...), &out)
		if errors.Is(err, agentapi.ErrGone) || ctx.Err() != nil {
			return nil, fmt.Errorf("asking the gateway for its version: %w", err)
		}
		p := &Program{argv: d.Argv}
		if err == nil {
			p.driver, p.Build, err = d.Fit(d, program, out.Text)
		}
		if err == nil {
			return p, nil
		}
		first = cmp.Or(first, err)
	}
	image := cmp.Or(l.options.GatewayImage, "of the project's own")
	return nil, &LackError{Lack{
		Need: d.Name, What: fmt.Sprintf("the program %s in the image %s", d.Name, image), Why: fmt.Sprint(first),
		Remedy: "take an image that has one that can be run, such as " + d.Image,
	}}
}

// lookAtClock finds out whose time a gateway is in.
func (l *Lab) lookAtClock(ctx context.Context, p *Program) (Clock, error) {
	if l.options.RealTime {
		return askedForRealTime, nil
	}
	if len(p.driver.Clock.Argv) == 0 {
		return clockOf(p.driver, p.driver.Name+" can't be sent forward while it waits"), nil
	}
	taken, err := l.clockOf(ctx, p)
	if err == nil && taken.Musl {
		taken, err = l.muslClockOf(ctx, p)
	}
	return clockOf(p.driver, taken.Why), err
}

func (l *Lab) clockOf(ctx context.Context, p *Program) (taken agentapi.ClockTaken, err error) {
	err = l.gateway.client.Call(ctx, "", "ClockOf", p.driver.Clock, &taken)
	return taken, err
}

// muslClockOf brings the libfaketime that is built for musl, and looks again. Where it cannot be built, as without a way to
// Debian's packages, the lab is in real time.
func (l *Lab) muslClockOf(ctx context.Context, p *Program) (taken agentapi.ClockTaken, err error) {
	lib, err := l.engine.FaketimeForMusl(ctx)
	if ctx.Err() != nil {
		return taken, context.Cause(ctx)
	}
	if err != nil {
		return agentapi.ClockTaken{
			Why: fmt.Sprintf("%s is built for musl, and libfaketime cannot be built for that here: %v", p.driver.Name, err),
		}, nil
	}
	files := map[string][]byte{agentapi.FaketimeAt: lib}
	if err := copyInto(ctx, l.engine, l.gateway.container.GetContainerID(), files); err != nil {
		return taken, err
	}
	return l.clockOf(ctx, p)
}

// Clock says whose time the program is in.
func (p *Program) Clock() Clock { return p.clock }

// Clocked reports whether the clock of the lab's first gateway is moved.
func (l *Lab) Clocked() bool { return l.Clock().Kind != ClockReal }

// Clock says whose time the lab is in, by its first gateway.
func (l *Lab) Clock() Clock { return l.main.clock }

// GatewayVersion is the lab's first gateway, as it names itself ("nginx/1.22.1").
func (l *Lab) GatewayVersion() string { return l.main.Name }

// fitted is a setup with its driver as the lab's image has it, unless it is started in another way than that comes with.
func (p *Program) fitted(s Setup) Setup {
	if slices.Equal(s.Gateway.Driver.Argv, p.argv) {
		s.Gateway.Driver = p.driver
	}
	return s
}
