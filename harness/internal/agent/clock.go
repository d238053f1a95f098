//go:build linux

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// clock is a sandbox's clock: the machine's, moved forward by an offset, or one that goes faster. The fake upstreams of the sandbox
// obey it.
type clock struct {
	pace   float64 // of the machine's
	begun  time.Time
	mu     sync.Mutex
	offset time.Duration
	alarms map[*alarm]bool
}

type alarm struct {
	at    time.Time
	ring  chan time.Time
	timer *time.Timer
}

// newClock is a clock that goes so many times as fast as the machine's; 0 is the same as 1.
func newClock(pace float64) *clock {
	return &clock{pace: cmp.Or(pace, 1), begun: time.Now(), alarms: map[*alarm]bool{}}
}

// now is the sandbox's time. It is called with the clock locked.
func (k *clock) now() time.Time {
	passed := float64(time.Since(k.begun)) * k.pace
	return k.begun.Add(time.Duration(passed) + k.offset)
}

// real is for how long the machine's clock goes until this one has gone so far.
func (k *clock) real(d time.Duration) time.Duration { return time.Duration(float64(d) / k.pace) }

// Now is the sandbox's time.
func (k *clock) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now()
}

// After sends the sandbox's time once it is d later than now.
func (k *clock) After(d time.Duration) <-chan time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := &alarm{at: k.now().Add(d), ring: make(chan time.Time, 1)}
	k.alarms[a] = true
	a.timer = time.AfterFunc(k.real(d), func() { k.ring(a) })
	return a.ring
}

// pending is how many wait for a time to come.
func (k *clock) pending() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.alarms)
}

// next is how far the clock will be ahead when the next one of those that wait has its time; false when none waits.
func (k *clock) next() (ahead time.Duration, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for a := range k.alarms {
		if at := time.Until(a.at); !ok || at < ahead {
			ahead, ok = at, true
		}
	}
	return ahead, ok
}

// forget drops all that waits for a time to come, of upstreams that are no more.
func (k *clock) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for a := range k.alarms {
		a.timer.Stop()
	}
	clear(k.alarms)
}

// ahead is how far the clock is ahead of the machine's.
func (k *clock) ahead() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.offset
}

func (k *clock) ring(a *alarm) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.alarms[a] {
		delete(k.alarms, a)
		a.ring <- a.at
	}
}

// move sets how far the clock is ahead of the machine's.
func (k *clock) move(offset time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.offset = offset
	now := k.now()
	for a := range k.alarms {
		if left := a.at.Sub(now); left > 0 {
			a.timer.Reset(k.real(left))
			continue
		}
		a.timer.Stop()
		delete(k.alarms, a)
		a.ring <- a.at
	}
}

// clockFile is what the processes of this container's part of the sandbox see at faketimerc.
func (c *sandbox) clockFile() string {
	if c.jail != nil {
		return faketimerc
	}
	if !c.frozen {
		return fmt.Sprintf("%s-%d", c.path(faketimerc), os.Getpid())
	}
	return c.path(faketimerc)
}

func (c *sandbox) openClock() (*os.File, error) {
	if c.jail != nil {
		return c.jail.root.open(faketimerc, os.O_WRONLY)
	}
	return os.OpenFile(c.clockFile(), os.O_WRONLY, 0)
}

// clockText is how faketimerc says an offset. The gateway's clock all but stands still between two moves (a thousandth of
// the machine's pace), so that what it is seen to do half a second before a limit does not depend on how busy the machine
// is. That of a backend which runs programs goes on, for those may sleep; and so does every other where a person waits. In a
// sandbox with a pace all of them go at that.
func (c *sandbox) clockText(offset time.Duration) string {
	if c.pace > 0 {
		return fmt.Sprintf("+%.3f x%.3f\n", offset.Seconds(), c.pace)
	}
	if !c.frozen {
		return fmt.Sprintf("+%.3f\n", offset.Seconds())
	}
	pace := "0.001"
	if c.runs {
		pace = "1.000" // as long as the other, for the file is written in place
	}
	return fmt.Sprintf("+%.3f x%s\n", offset.Seconds(), pace)
}

// moveClock moves the clock of the sandbox, and sees to it that every process which obeys it has looked at it.
func (c *sandbox) moveClock(ctx context.Context, offset time.Duration) error {
	text := c.clockText(offset)
	// In place and of growing length, so that a reader never finds the file empty.
	f, err := c.openClock()
	if err != nil {
		return fmt.Errorf("moving the clock of sandbox %s: %w", c.id, err)
	}
	_, err = f.WriteAt([]byte(text), 0)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("moving the clock of sandbox %s: %w", c.id, err)
	}
	c.clock.move(offset)
	c.mu.Lock()
	var procs []*process
	for _, p := range c.procs {
		if p.spec.Clock {
			procs = append(procs, p)
		}
	}
	c.mu.Unlock()
	wait := poll
	if c.catchAll != nil {
		wait = pollFast
	}
	for _, p := range procs {
		if err := p.wake(ctx, wait); err != nil {
			return fmt.Errorf("making %s of sandbox %s look at the moved clock: %w", p.spec.Name, c.id, err)
		}
	}
	return nil
}

// wake wakes the process, and waits until it has gone to sleep again: then it has seen the new time, and done all that
// was due at it.
func (p *process) wake(ctx context.Context, wait poller) error {
	if p.spec.Wake == (agentapi.WakeSignal{}) {
		return nil
	}
	select {
	case <-p.ended:
		return nil
	default:
	}
	pids := []int{p.pid}
	if p.spec.Wake.Children {
		pids = childrenOf(p.pid)
	}
	for _, pid := range pids {
		if err := wakeOne(ctx, pid, func() error { return p.interrupt(ctx, pid) }, wait); err != nil {
			return err
		}
	}
	return nil
}

// interrupt makes a process that sleeps look up.
func (p *process) interrupt(ctx context.Context, pid int) error {
	w := p.spec.Wake
	if w.Connect == "" {
		return unix.Kill(pid, unix.Signal(w.Signal))
	}
	return p.cell.online(func() error {
		conn, err := ours.DialContext(ctx, "tcp", w.Connect)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// poller is until or soon.
type poller func(ctx context.Context, limit time.Duration, so func() (bool, error)) error

func wakeOne(ctx context.Context, pid int, interrupt func() error, wait poller) error {
	var before schedule
	asleep := func() (ok bool, err error) {
		if before, err = scheduleOf(pid); os.IsNotExist(err) {
			return true, nil // it ended, which was perhaps just what was due
		}
		return before.asleep || before.stopped, err
	}
	// A signal to a process that is awake may come between its look at the clock and its going to sleep.
	if err := wait(ctx, 5*time.Second, asleep); err != nil {
		return fmt.Errorf("waiting for process %d to sleep: %w", pid, err)
	}
	if before.stopped {
		return nil // it looks at the clock when it is continued
	}
	if err := interrupt(); err != nil {
		if err == unix.ESRCH {
			return nil
		}
		return err
	}
	err := wait(ctx, 5*time.Second, func() (bool, error) {
		now, err := scheduleOf(pid)
		if os.IsNotExist(err) {
			return true, nil
		}
		return now.asleep && now.switches > before.switches || now.stopped, err
	})
	if err != nil {
		return fmt.Errorf("waiting for process %d to sleep again: %w", pid, err)
	}
	return nil
}

// resting reports whether all that runs in the sandbox waits for something to happen: it sleeps or stands still, and has not
// worked between two looks.
func (c *sandbox) resting(ctx context.Context, _ agentapi.None) (bool, error) {
	if c.catchAll != nil {
		_, err := c.catchAll.waitQuiescent(ctx, quiescenceLimit, nil)
		if errors.Is(err, errLimit) {
			return false, nil
		}
		return err == nil, err
	}
	before, asleep := c.slept()
	if !asleep {
		return false, nil
	}
	time.Sleep(time.Millisecond)
	after, asleep := c.slept()
	if !asleep || after != before {
		return false, nil
	}
	seeks, err := c.seeksNeighbour()
	return !seeks, err
}

// quiescenceLimit is how long a catch-all sandbox may take to be seen at rest.
const quiescenceLimit = 200 * time.Millisecond

// slept is how often the sandbox's processes have gone to sleep, and whether all of them sleep.
func (c *sandbox) slept() (switches uint64, asleep bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.procs {
		for _, pid := range append(p.proc.children(p.pid), p.pid) {
			s, err := p.proc.scheduleOfAll(pid)
			if err != nil {
				continue // it has ended
			}
			if !s.asleep && !s.stopped {
				return 0, false
			}
			switches += s.switches
		}
	}
	return switches, true
}
