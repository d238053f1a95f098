package fakeupstream

import "time"

// Clock tells the time and rings when some of it has passed. Every delay, drip and
// record of a Server goes by the Clock in its Options, so a test can hold time still.
type Clock interface {
	Now() time.Time
	// After sends the time on the channel once d has passed.
	After(d time.Duration) <-chan time.Time
}

// machineClock is the machine's own time.
type machineClock struct{}

func (machineClock) Now() time.Time                         { return time.Now() }
func (machineClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
