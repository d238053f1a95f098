//go:build linux

package agent

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// children are the processes that this program started. Who wants one starts it and waits for it here and nowhere else
// (not by exec.Cmd's Run, Output or CombinedOutput), as the reaper takes every other child that ends for an orphan.
var children = family{pids: map[int]bool{}}

type family struct {
	starting sync.RWMutex // held to read while a process is started, so that the reaper does not meet one unknown to it
	mu       sync.Mutex
	pids     map[int]bool
}

func (f *family) start(cmd *exec.Cmd) error {
	f.starting.RLock()
	defer f.starting.RUnlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pids[cmd.Process.Pid] = true
	return nil
}

func (f *family) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pids, cmd.Process.Pid)
	return err
}

// run runs a program to its end, or to that of ctx, and returns the end of what it printed.
func (f *family) run(ctx context.Context, argv ...string) (string, error) {
	cmd := command(ctx, argv)
	text := &tail{}
	cmd.Stdout, cmd.Stderr = text, text
	if err := f.start(cmd); err != nil {
		return "", err
	}
	err := f.wait(cmd)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return text.String(), err
}

// command is one that ends with ctx, and so do all of its group.
func command(ctx context.Context, argv []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second // for its output, where others than those of its group have it
	return cmd
}

// adopt waits for a process that has ended, unless its own waiter does.
func (f *family) adopt(pid int) (own bool) {
	f.starting.Lock()
	defer f.starting.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if own = f.pids[pid]; !own {
		_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
	return own
}

// reap waits for the orphans that fall to the container's init, so that none stays a zombie.
func reap(signals <-chan os.Signal) {
	for range signals {
		for {
			var info unix.Siginfo
			if unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != nil {
				break
			}
			pid := siginfoPID(&info)
			if pid == 0 || children.adopt(pid) {
				break // a child's own waiter takes it, and the next SIGCHLD brings the rest
			}
		}
	}
}
