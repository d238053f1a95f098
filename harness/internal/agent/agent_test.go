//go:build linux

package agent

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// cellsVariable is set in a process that has mounts of its own, to where its sandboxes are to be.
const cellsVariable = "BADGATEWAY_TEST_CELLS"

// TestMain gives the tests what the agent has in a container: mounts that nobody else sees, among them one for the sandboxes, and a
// reaper that runs beside all. Without the right to that, whatever takes a sandbox is skipped.
func TestMain(m *testing.M) {
	if os.Getenv(threadsVariable) != "" {
		startThreads()
		return
	}
	cells := os.Getenv(cellsVariable)
	if cells == "" && unix.Geteuid() == 0 {
		if err := withOwnMounts(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	orphans := make(chan os.Signal, 16)
	signal.Notify(orphans, unix.SIGCHLD)
	go reap(orphans)
	var err error
	if home, err = unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	canDiagnose = diagnosticsWork()
	code := m.Run()
	if cells != "" {
		if err := errors.Join(unix.Unmount(cells, unix.MNT_DETACH), os.Remove(cells)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// withOwnMounts begins this program anew with mounts of its own, where it may do that.
func withOwnMounts() error {
	runtime.LockOSThread() // it is the thread that calls execve whose namespaces the program has
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil
	}
	cells, err := os.MkdirTemp("", "badgateway-sandboxes")
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping the tests' mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", cells, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("making a place for the tests' sandboxes: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(program, os.Args, append(os.Environ(), cellsVariable+"="+cells))
}

// lab is an agent for a test, and the driving end of a session with it.
type lab struct {
	*agentapi.Client
	agent *Agent
	t     *testing.T
}

// sandboxes counts those of all tests.
var cells atomic.Int64

// newLab makes a lab. What is open in it is closed with the test.
func newLab(t *testing.T) *lab {
	t.Helper()
	root := os.Getenv(cellsVariable)
	if root == "" {
		t.Skip("a sandbox takes root, and the right to mount")
	}
	a := &Agent{root: root, sandboxes: map[string]*sandbox{}, hello: agentapi.Hello{PID: os.Getpid()}}
	mine, theirs := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- a.server().Serve(theirs) }()
	c, err := agentapi.Dial(mine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := <-served; err != nil {
			t.Errorf("the session ends with %v", err)
		}
		for _, c := range a.sandboxes {
			if err := c.close(); err != nil {
				t.Errorf("closing sandbox %s: %v", c.id, err)
			}
		}
	})
	return &lab{c, a, t}
}

// open opens a sandbox, and names it.
func (l *lab) open(spec agentapi.SandboxSpec) *sandbox {
	l.t.Helper()
	spec.ID = fmt.Sprintf("t%d", cells.Add(1))
	if err := l.Call(l.t.Context(), "", "Open", spec, &agentapi.SandboxOpened{}); err != nil {
		l.t.Fatal(err)
	}
	c, err := l.agent.sandbox(spec.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// do makes a call in a sandbox that has to succeed.
func (l *lab) do(sandbox, name string, args, reply any) {
	l.t.Helper()
	if reply == nil {
		reply = &agentapi.None{}
	}
	if err := l.Call(l.t.Context(), sandbox, name, args, reply); err != nil {
		l.t.Fatalf("%s: %v", name, err)
	}
}
