//go:build linux

package agent

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Two programs that compute on one processor wait for each other half of the time.
func TestItIsKnownHowLongAProcessWaitsForAProcessor(t *testing.T) {
	var one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	for n := 0; one.Count() > 1; n++ {
		one.Clear(n)
	}
	c := &sandbox{procs: map[string]*process{}}
	for _, name := range []string{"gateway", "other"} {
		cmd := exec.Command("/bin/sh", "-c", "while :; do :; done")
		if err := children.start(cmd); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = children.wait(cmd) }()
		defer cmd.Process.Kill()
		if err := unix.SchedSetaffinity(cmd.Process.Pid, &one); err != nil {
			t.Fatal(err)
		}
		c.procs[name] = &process{pid: cmd.Process.Pid}
	}
	var waited time.Duration
	if err := poll(t.Context(), 20*time.Second, func() (ok bool, err error) {
		waited, err = c.starved(t.Context(), agentapi.None{})
		return waited > 100*time.Millisecond, err
	}); err != nil {
		t.Errorf("after 20 s it says %v: %v", waited, err)
	}
	if _, err := os.Stat("/proc/pressure/cpu"); err == nil {
		if d, err := c.pressed(t.Context(), agentapi.None{}); d < waited || err != nil {
			t.Errorf("of all on the machine it says %v, %v", d, err)
		}
	}
	if d := delayed(1 << 22); d != 0 {
		t.Errorf("of a process that is not there it says %v", d)
	}
}

func TestWhatThisProgramOversleptCounts(t *testing.T) {
	c := &sandbox{procs: map[string]*process{}, delayedBefore: time.Hour}
	c.overslept.Store(int64(time.Minute))
	if d, err := c.starved(t.Context(), agentapi.None{}); d != time.Minute || err != nil {
		t.Errorf("got %v, %v", d, err)
	}
}
