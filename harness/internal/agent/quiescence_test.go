//go:build linux

package agent

import (
	"io"
	"net"
	"os/exec"
	"strconv"
	"syscall"
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

// A program that is just being started has copies of all sockets: a close in that moment tells the other end nothing.
func TestCloseNow_WaitsForAProgramThatIsBeingStarted(t *testing.T) {
	_, near, _ := connected(t)
	var b activityTracker
	conn := b.count(near)
	syscall.ForkLock.Lock()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = conn.Close()
	}()
	select {
	case <-closed:
		t.Error("closed while another process may have the socket")
	case <-time.After(50 * time.Millisecond):
	}
	syscall.ForkLock.Unlock()
	<-closed
}

func TestLanded_WaitsForALostPacketOnce(t *testing.T) {
	var w catchAll
	now, long := time.Now(), time.Now().Add(-time.Minute)
	for _, step := range []struct {
		flying int64
		looks  int
		since  time.Time
		want   bool
	}{
		{0, 1, now, true},
		{2, 2, now, false},
		{2, 2, long, false},
		{2, 9, now, false},
		{2, 4, long, true},
		{2, 1, now, true}, // waited for before
		{3, 4, now, false},
		{1, 4, now, false},
		{3, 4, long, true},
		{2, 4, now, false},
	} {
		if got := w.landed(step.flying, step.looks, step.since); got != step.want {
			t.Errorf("%+v: %v", step, got)
		}
	}
}

// A connection that a fake closes is under way until the other end is told: while a program is being started, that takes its time, and were
// the lab at rest meanwhile, a limit of the gateway's could pass before it has heard of the reset.
func TestCountedConn_IsUnderWayUntilItIsClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b := &activityTracker{}
	conn := b.count(raw)
	syscall.ForkLock.Lock()
	closed := make(chan error)
	go func() { closed <- conn.Close() }()
	isUnderWay := func() (bool, error) {
		more, _, _ := b.state()
		return more == 1, nil
	}
	if err := poll(t.Context(), 5*time.Second, isUnderWay); err != nil {
		t.Error("it counts as done, and is open:", err)
	}
	syscall.ForkLock.Unlock()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if more, working, waiting := b.state(); more != 0 || len(working)+len(waiting) != 0 {
		t.Error("it counts, and is closed")
	}
}
