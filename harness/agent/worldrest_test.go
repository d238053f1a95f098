//go:build linux

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestPacketsThatHaveNotArrivedAreCounted(t *testing.T) {
	const text = `Ip: Forwarding InReceives OutRequests OutDiscards%s
Ip: 1 40 43 0%s
Icmp: InMsgs InErrors
Icmp: 3 0
Tcp: RtoAlgorithm ActiveOpens PassiveOpens AttemptFails
Tcp: 1 5 4 2
`
	for _, c := range []struct {
		name, value string
		flying      int64
	}{{"", "", 3}, {" OutTransmits", " 41", 1}} {
		got := parseCounted(fmt.Sprintf(text, c.name, c.value))
		if got.connects != 11 || got.flying != c.flying {
			t.Errorf("with %q: %+v", c.name, got)
		}
	}
}

// A program sleeps when all its threads do.
func TestAllThreadsOfAProcessHaveToSleep(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 that could have two threads")
	}
	cmd := exec.Command(python, "-c", "import threading, sys\n"+
		"def spin():\n while True: pass\n"+
		"threading.Thread(target=spin, daemon=True).start()\nthreading.Event().wait()")
	if err := children.start(cmd); err != nil {
		t.Fatal(err)
	}
	defer children.wait(cmd)
	defer cmd.Process.Kill()
	if err := until(20*time.Second, func() (bool, error) {
		first, err := scheduleOf(cmd.Process.Pid)
		return err == nil && first.threads == 2 && first.asleep, err
	}); err != nil {
		t.Fatal(err)
	}
	if all, err := scheduleOfAll(cmd.Process.Pid); err != nil || all.asleep {
		t.Errorf("one of its threads computes, and it is said to sleep (%v)", err)
	}
	if own, err := scheduleOfAll(os.Getpid()); err != nil || own.asleep {
		t.Errorf("this program is said to sleep (%v)", err)
	}
}
