package lab

import (
	"fmt"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
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
		return Clock{Kind: ClockScaled, Why: fmt.Sprintf("the gateway's clock goes %g times as fast, where something waits", d.Pace)}
	}
	return Clock{Kind: ClockMoved, Why: "the gateway's clock is sent forward, so no wait takes its time"}
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
