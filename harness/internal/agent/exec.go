//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

const execOutput = 64 << 10

// exec runs a program to its end. What it leaves behind ends with it, unless the sandbox's gateway or another exec is under way.
func (w *catchAll) exec(ctx context.Context, spec agentapi.ExecSpec) (agentapi.Executed, error) {
	c := w.cell
	if len(spec.Argv) == 0 {
		return agentapi.Executed{}, errors.New("there is no command to run")
	}
	limit := spec.Limit
	if limit == 0 {
		limit = agentapi.ExecLimit
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	output := &tail{most: execOutput}
	cmd := command(limited, spec.Argv)
	cmd.Env = imageEnv()
	printed, err := c.jail.printsTo(cmd, output)
	if err != nil {
		return agentapi.Executed{}, err
	}
	c.jail.execs.Add(1)
	defer c.jail.execs.Add(-1)
	memory := oomKills()
	err = c.startJailed(limited, cmd)
	if err == nil {
		_ = children.wait(cmd) // the state says how it ended
	}
	printed()
	if err != nil {
		return agentapi.Executed{}, fmt.Errorf("running %s: %w", spec.Argv[0], err)
	}
	if c.jail.execs.Load() == 1 && !c.busy() {
		if err := c.jail.signalAll(unix.SIGKILL); err != nil {
			return agentapi.Executed{}, err
		}
	}
	code := cmd.ProcessState.ExitCode()
	if code != 0 && oomKills() > memory {
		c.jail.overran(agentapi.ErrOutOfMemory)
	}
	if ctx.Err() != nil {
		return agentapi.Executed{}, fmt.Errorf("running %s: %w", spec.Argv[0], context.Cause(ctx))
	}
	return agentapi.Executed{Output: output.String(), Code: code, Late: limited.Err() != nil}, c.killed()
}

// printsTo gives a command a pipe that is its user's own, as engines do: a program may open /dev/stderr anew, as the log of an
// image often is a link to it. The function that is returned waits for what was printed, and no longer for what the command
// left behind and has its output.
func (j *jail) printsTo(cmd *exec.Cmd, output io.Writer) (printed func(), err error) {
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if j.as != nil {
		if err := to.Chown(int(j.as.Uid), int(j.as.Gid)); err != nil {
			return nil, errors.Join(err, from.Close(), to.Close())
		}
	}
	cmd.Stdout, cmd.Stderr = to, to
	all := make(chan struct{})
	go func() {
		_, _ = io.Copy(output, from)
		close(all)
	}()
	return func() {
		to.Close()
		_ = from.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		<-all
		from.Close()
	}, nil
}

// busy reports whether a process of the sandbox is under way.
func (c *sandbox) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.procs {
		select {
		case <-p.ended:
		default:
			return true
		}
	}
	return false
}

// startJailed starts a program in the sandbox.
func (c *sandbox) startJailed(ctx context.Context, cmd *exec.Cmd) error {
	// Opened here, not in the sandbox, where /dev/null may be anything.
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer nothing.Close()
	cmd.Stdin = nothing
	c.jail.production(cmd)
	if err := c.jail.thread.do(ctx, func() error { return children.start(cmd) }); err != nil {
		return err
	}
	// When the memory is used up, the kernel takes it first. It may have ended already, and then there is nothing to set.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", cmd.Process.Pid), []byte("1000"), 0)
	return nil
}

// limitJails sets what one process of a catch-all sandbox may use. It sets that for this program, once and for all: what it starts has the
// same, whoever that runs as. A limit of a process that runs as somebody else could not be set from here.
var limitJails = sync.OnceValue(func() error {
	for resource, most := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 256 << 20, unix.RLIMIT_NOFILE: 65536} {
		var now unix.Rlimit
		err := unix.Getrlimit(resource, &now)
		if err == nil && now.Max > most {
			err = unix.Setrlimit(resource, &unix.Rlimit{Cur: min(now.Cur, most), Max: most})
		}
		if err != nil {
			return fmt.Errorf("limiting what the processes of a sandbox may use: %w", err)
		}
	}
	return nil
})
