//go:build linux

package agent

import (
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// A process that a worker has started keeps the world from resting, unless it was there when the gateway came up.
func TestWhatAWorkerStartedIsNoRest(t *testing.T) {
	// A shell with a child that has a child: as the master, a worker, and what that has started.
	master := exec.Command("sh", "-c", "sh -c 'sleep 60; :'; :")
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, pid := range append(grandchildrenOf(master.Process.Pid), childrenOf(master.Process.Pid)...) {
			exec.Command("kill", "-9", strconv.Itoa(pid)).Run()
		}
		master.Process.Kill()
		master.Wait()
	}()
	if err := until(10*time.Second, func() (bool, error) { return len(grandchildrenOf(master.Process.Pid)) == 1, nil }); err != nil {
		t.Fatalf("the processes did not come: %v", err)
	}
	w, p := &world{cell: &cell{}}, &process{pid: master.Process.Pid}
	if w.startedMore(p) {
		t.Error("what is there while it starts is no sign of a request")
	}
	p.up = true
	if !w.startedMore(p) {
		t.Error("a process that a worker waits for counts as rest")
	}
	p.resident = grandchildrenOf(p.pid)
	if w.startedMore(p) {
		t.Error("a process that was there from the start keeps the world from resting for ever")
	}
}
