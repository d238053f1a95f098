//go:build linux

package agent

import (
	"sync"
	"testing"
	"time"
)

const farAway = time.Hour

func rings(t *testing.T, alarm <-chan time.Time) time.Time {
	t.Helper()
	select {
	case at := <-alarm:
		return at
	case <-time.After(10 * time.Second):
		t.Fatal("it does not ring")
		return time.Time{}
	}
}

func isQuiescent(t *testing.T, alarm <-chan time.Time) {
	t.Helper()
	select {
	case <-alarm:
		t.Fatal("it rings before its time")
	default:
	}
}

func TestAClockRingsByItsOwnTime(t *testing.T) {
	k := newClock(1)
	early, late := k.After(farAway), k.After(2*farAway)
	k.move(farAway - time.Minute)
	isQuiescent(t, early)
	isQuiescent(t, late)
	k.move(farAway)
	at := rings(t, early)
	isQuiescent(t, late)
	if ahead := time.Until(at) - farAway; ahead > 0 || ahead < -time.Minute {
		t.Errorf("it rings at %v, which is not the sandbox's time", at)
	}
	// What is set now counts from the moved time.
	later := k.After(farAway)
	k.move(2*farAway - time.Minute)
	isQuiescent(t, later)
	isQuiescent(t, late)
	k.move(2*farAway + time.Second)
	rings(t, late)
	rings(t, later)
	if n := len(k.alarms); n != 0 {
		t.Errorf("%d alarms are left", n)
	}
}

func TestAClockThatNobodyMovesRings(t *testing.T) {
	k := newClock(1)
	rings(t, k.After(time.Millisecond))
	rings(t, k.After(0))
	rings(t, k.After(-time.Second))
}

func TestAMoveBringsAnAlarmNearer(t *testing.T) {
	k := newClock(1)
	alarm := k.After(farAway)
	k.move(farAway - 20*time.Millisecond)
	rings(t, alarm) // by itself, soon after
}

func TestAClockThatGoesFaster(t *testing.T) {
	const pace = 1000
	k := newClock(pace)
	begun, realBegun := k.Now(), time.Now()
	at := rings(t, k.After(20*time.Second))
	real := time.Since(realBegun)
	if gone := at.Sub(begun); gone < 20*time.Second || real < 20*time.Millisecond {
		t.Errorf("it rings after %v, which took %v", gone, real)
	}
	far := k.After(1000 * farAway)
	k.move(1000*farAway - 20*time.Second)
	rings(t, far) // by itself, soon after
}

func TestAClocksPaceIsInItsFile(t *testing.T) {
	for want, c := range map[string]*sandbox{
		"+2.500 x20.000\n": {pace: 20, frozen: true}, "+2.500 x1.000\n": {pace: 1}, "+2.500 x0.001\n": {frozen: true}, "+2.500\n": {},
	} {
		if got := c.clockText(2500 * time.Millisecond); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNowIsAhead(t *testing.T) {
	k := newClock(1)
	k.move(farAway)
	if ahead := time.Until(k.Now()); ahead < farAway-time.Minute || ahead > farAway {
		t.Errorf("it is %v ahead", ahead)
	}
}

// Nobody waits for what rang meanwhile, and each alarm rings once.
func TestManyAlarmsAndMovesAtOnce(t *testing.T) {
	k := newClock(1)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			alarm := k.After(time.Duration(i) * time.Minute)
			<-alarm
			select {
			case <-alarm:
				t.Error("it rang twice")
			default:
			}
		})
		wg.Go(func() { k.Now() })
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for offset := time.Duration(0); ; offset += 10 * time.Minute {
		k.move(offset)
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
		}
		if offset > 10000*time.Hour {
			t.Fatal("some never rang")
		}
	}
}
