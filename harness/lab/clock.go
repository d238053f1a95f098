package lab

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A Clock says whose time it is, and why.
type Clock struct {
	// Kind is "moved" (the gateway's clock is sent forward, so that no wait takes its time), "scaled" (the gateway's clock goes
	// faster, or the kernel's own timers are made shorter), or "real".
	Kind string
	// Why is the reason, as a sentence without its capital and its full stop.
	Why string
	// Unasked is true where it is real, and nobody has asked for that.
	Unasked bool
	// Image is one whose gateway takes another clock; only where it is real unasked.
	Image string
}

// The kinds of a [Clock].
const (
	ClockMoved  = "moved"
	ClockReal   = "real"
	ClockScaled = "scaled"
)

var askedForRealTime = Clock{Kind: ClockReal, Why: "it was asked for (--real-time)"}

// clockOf is the clock of a gateway that can't be moved for that reason, or can where it is empty.
func clockOf(d gateway.Driver, clockless string) Clock {
	switch {
	case clockless != "":
		return Clock{Kind: ClockReal, Why: clockless, Unasked: true, Image: d.Image}
	case d.Pace > 0:
		return scaledClock(d.Pace)
	}
	return Clock{Kind: ClockMoved, Why: "the gateway's clock is sent forward, so no wait takes its time"}
}

func scaledClock(pace float64) Clock {
	if pace == 1 {
		return Clock{Kind: ClockReal, Why: "so short a wait takes its own time"}
	}
	return Clock{Kind: ClockScaled, Why: fmt.Sprintf("the gateway's clock goes %.3g times as fast, where something waits", pace)}
}

func (c Clock) String() string {
	if c.Kind == ClockReal {
		return "real time, as " + c.Why
	}
	return c.Kind + " clock: " + c.Why
}

// Warning is what the user has to be told where the time is real unasked, and about how long it takes; empty otherwise.
func (c Clock) Warning(takes time.Duration) string {
	if !c.Unasked {
		return ""
	}
	text := fmt.Sprintf("WARNING: this lab is in real time, as %s. Every wait takes as long as it says", c.Why)
	if takes > 0 {
		text += fmt.Sprintf(", in all about %s", roughly(takes))
	}
	return text + fmt.Sprintf(".\nTake an image whose gateway is a dynamic program for glibc (Debian's, or %s) to have its clock moved, "+
		"or say --real-time if that is meant.", c.Image)
}

// roughly is a duration in a unit that does not pretend to be exact.
func roughly(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.0f s", max(d.Seconds(), 1))
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

// Clocked reports whether the sandbox's processes obey a clock of the lab's.
func (c *Sandbox) Clocked() bool {
	return c.setup.Clock && c.program.clock.Kind != ClockReal
}

// Moves reports whether that clock is moved. One that goes faster than the machine's is not.
func (c *Sandbox) Moves() bool { return c.Clocked() && c.pace() == 0 }

// pace is how many times as fast as the machine's the sandbox's clock goes; 0 for one that is moved, and for none.
func (c *Sandbox) pace() float64 {
	switch {
	case !c.Clocked() || c.program.clock.Kind != ClockScaled:
		return 0
	case c.setup.KernelTime:
		return 1
	}
	return cmp.Or(c.setup.Pace, c.program.driver.Pace)
}

// Clock says whose time it is in the sandbox, if that has a clock of the lab's.
func (c *Sandbox) Clock() Clock {
	if pace := c.pace(); pace > 0 {
		return scaledClock(pace)
	}
	return c.program.Clock()
}

// byClock is how far the sandbox's clock goes while the machine's goes so far.
func (c *Sandbox) byClock(d time.Duration) time.Duration {
	if pace := c.pace(); pace > 0 {
		return time.Duration(float64(d) * pace)
	}
	return d
}

// real is for how long the machine's clock goes until the sandbox's has gone so far, if that is not moved.
func (c *Sandbox) real(d time.Duration) time.Duration {
	if pace := c.pace(); pace > 0 {
		return time.Duration(float64(d) / pace)
	}
	return d
}

// Wait lets time pass for all that runs in the sandbox: by its clock, where that can be moved, else by the machine's. A clock is
// never moved back, so less than nothing is nothing.
func (c *Sandbox) Wait(ctx context.Context, d time.Duration) error {
	d = max(d, 0)
	if !c.Moves() {
		real := c.real(d)
		if real == d {
			c.Note("clock", "%v pass in real time", d)
		} else {
			c.Note("clock", "%.1f s pass in %.2f s", d.Seconds(), real.Seconds())
		}
		select {
		case <-time.After(real):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := c.move(ctx, d, false); err != nil {
		return err
	}
	c.Note("clock", "moved to +%.1f s", c.ahead().Seconds())
	return nil
}

// ahead is how far the sandbox's clock is ahead of the machine's.
func (c *Sandbox) ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

// Advance moves the sandbox's clock, and lets it go on from there.
func (c *Sandbox) Advance(ctx context.Context, d time.Duration) error { return c.move(ctx, d, true) }

// Run lets the sandbox's clock go on at the machine's pace from now on. Until then the gateway's all but stands still between
// two moves.
func (c *Sandbox) Run(ctx context.Context) error {
	if !c.Moves() {
		return nil
	}
	c.Note("clock", "goes on")
	return c.move(ctx, 0, true)
}

func (c *Sandbox) move(ctx context.Context, d time.Duration, run bool) error {
	c.time.Lock()
	defer c.time.Unlock()
	c.mu.Lock()
	c.moved += d
	c.runs = c.runs || run
	move := agentapi.MoveSpec{Offset: c.moved, Runs: c.runs}
	c.mu.Unlock()
	if c.setup.CatchAll != nil {
		// The agent keeps that clock: it moves it too, while a client waits.
		return c.call(ctx, "Pass", agentapi.MoveSpec{Offset: d, Runs: run}, nil)
	}
	// A backend is moved first: what it does at its own limit comes before what the gateway does at a later one.
	for _, s := range c.elsewhere() {
		if err := s.client.Call(ctx, c.id, "Move", move, &agentapi.None{}); err != nil {
			return err
		}
	}
	return c.call(ctx, "Move", move, nil)
}

// Resting reports whether all that runs in the sandbox waits for something to happen.
func (c *Sandbox) Resting(ctx context.Context) (bool, error) {
	for _, s := range c.elsewhere() {
		var rests bool
		if err := s.client.Call(ctx, c.id, "Resting", agentapi.None{}, &rests); err != nil || !rests {
			return false, err
		}
	}
	var rests bool
	err := c.call(ctx, "Resting", agentapi.None{}, &rests)
	return rests, err
}
