//go:build linux

package agent

import (
	"io"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A process that a worker has started keeps the sandbox from resting, unless it was there when the gateway came up.
func TestWhatAWorkerStartedIsNoRest(t *testing.T) {
	// A shell with a child that has a child: as the master, a worker, and what that has started.
	master := exec.Command("sh", "-c", "sh -c 'sleep 60; :'; :")
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, pid := range append((*procFiles)(nil).grandchildren(master.Process.Pid), childrenOf(master.Process.Pid)...) {
			_ = exec.Command("kill", "-9", strconv.Itoa(pid)).Run()
		}
		master.Process.Kill()
		master.Wait()
	}()
	if err := poll(t.Context(), 10*time.Second, func() (bool, error) { return len((*procFiles)(nil).grandchildren(master.Process.Pid)) == 1, nil }); err != nil {
		t.Fatalf("the processes did not come: %v", err)
	}
	w, p := &catchAll{cell: &sandbox{}}, &process{pid: master.Process.Pid}
	if w.startedMore(p) {
		t.Error("what is there while it starts is no sign of a request")
	}
	p.up = true
	if !w.startedMore(p) {
		t.Error("a process that a worker waits for counts as rest")
	}
	p.resident = p.proc.grandchildren(p.pid)
	if w.startedMore(p) {
		t.Error("a process that was there from the start keeps the sandbox from resting for ever")
	}
}

// Whoever has something to write is at work, until his socket takes nothing more: then it is the other end's turn.
func TestWhoWritesIsAtWorkWhileThereIsRoom(t *testing.T) {
	_, near, far := connected(t)
	var b activityTracker
	conn := b.count(near).(*countedConn)
	atWork := func() int {
		more, working, _ := b.state()
		n, err := ready(working, unix.POLLOUT)
		if err != nil {
			t.Fatal(err)
		}
		return more + n
	}
	if n := atWork(); n != 1 {
		t.Errorf("%d at work, before anything is written", n)
	}
	written := make(chan error, 1)
	const much = 64 << 20
	go func() {
		_, err := conn.Write(make([]byte, much))
		written <- err
	}()
	if err := poll(t.Context(), 10*time.Second, func() (bool, error) { return atWork() == 0, nil }); err != nil {
		t.Fatalf("a write for which there is no room is at work for ever: %v", err)
	}
	if _, err := io.CopyN(io.Discard, far, much); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if n := atWork(); n != 1 {
		t.Errorf("%d at work, after all was read", n)
	}
	done := b.sending(conn)
	conn.MarkIdle()
	if n := atWork(); n != 1 {
		t.Errorf("%d at work, of one who sends through a socket that nobody waits at", n)
	}
	if done(); atWork() != 0 {
		t.Error("at work, after it was sent")
	}
}
