//go:build linux

package agent

import (
	"slices"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// checkpoints are those that a client goes through who never gets an answer.
func checkpoints(a *probe, bases []time.Duration, limit int) (all []time.Duration) {
	now := time.Duration(0)
	for range limit {
		m, ok := a.next(bases, now)
		if !ok {
			return all
		}
		now = m.at()
		all = append(all, now)
	}
	return all
}

func TestMoments(t *testing.T) {
	const s = time.Second
	a := &probe{
		w:    &catchAll{cell: &sandbox{clock: newClock(1)}},
		spec: agentapi.ProbeSpec{Steps: []time.Duration{5 * s, 60 * s}, Limit: time.Hour},
	}
	want := []time.Duration{5*s - lookBefore, 5*s + lookAfter, 60*s - lookBefore, 60*s + lookAfter, time.Hour + lookAfter}
	if got := checkpoints(a, []time.Duration{0}, 20); !slices.Equal(got, want) {
		t.Errorf("the moments are %v, not %v", got, want)
	}
	// Something happened after 5 s: from there on the same times count again.
	want = []time.Duration{
		5*s - lookBefore, 5*s + lookAfter, 10*s - lookBefore, 10*s + lookAfter, 60*s - lookBefore, 60*s + lookAfter,
		65*s - lookBefore, 65*s + lookAfter, time.Hour + lookAfter,
	}
	if got := checkpoints(a, []time.Duration{0, 5 * s}, 20); !slices.Equal(got, want) {
		t.Errorf("the moments are %v, not %v", got, want)
	}
}

func TestWhatAnUpstreamDoesLaterIsNotJumpedOver(t *testing.T) {
	k := newClock(1)
	a := &probe{w: &catchAll{cell: &sandbox{clock: k}}, spec: agentapi.ProbeSpec{Steps: []time.Duration{time.Minute}, Limit: time.Hour}}
	k.After(30 * time.Second)
	m, ok := a.next([]time.Duration{0}, 0)
	if !ok || m.at() < 30*time.Second || m.at() > 31*time.Second {
		t.Errorf("the next moment is %v, not that after 30 s", m.at())
	}
	k.forget()
	if m, _ := a.next([]time.Duration{0}, 0); m.at() != time.Minute-lookBefore {
		t.Errorf("the next moment is %v, with nothing that waits", m.at())
	}
}
