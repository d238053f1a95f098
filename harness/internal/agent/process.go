//go:build linux

package agent

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// process is a program that runs in a sandbox.
type process struct {
	spec     agentapi.ProcSpec
	pid      int
	cell     *sandbox
	memory   int   // oomKills when it started
	up       bool  // its start is over; guarded by the mu of the sandbox, as is the next
	resident []int // what its children had started by then
	proc     procFiles
	output   int64         // where what it prints begins in its file, which those before it of its name wrote to as well
	ended    chan struct{} // closed when it was waited for
	state    *os.ProcessState
}

// start starts a program in the sandbox and waits until it listens everywhere it has to. It goes on when ctx ends, but for one whose
// start failed, which is ended.
func (c *sandbox) start(ctx context.Context, spec agentapi.ProcSpec) (agentapi.ProcStarted, error) {
	c.mu.Lock()
	old := c.procs[spec.Name]
	c.mu.Unlock()
	if old != nil {
		select {
		case <-old.ended:
		default:
			return agentapi.ProcStarted{}, fmt.Errorf("sandbox %s already runs %q", c.id, spec.Name)
		}
	}
	if len(spec.Argv) == 0 {
		return agentapi.ProcStarted{}, fmt.Errorf("%s has no command that runs it", spec.Name)
	}
	if err := c.put(ctx, spec.Files...); err != nil {
		return agentapi.ProcStarted{}, err
	}
	// What listened there before may still be dying, worker by worker, and must not be taken for this one.
	err := poll(ctx, 5*time.Second, func() (bool, error) { return c.free(spec.Ready) })
	if err != nil && !errors.Is(err, errLimit) {
		return agentapi.ProcStarted{}, err
	}
	p := &process{spec: spec, cell: c, ended: make(chan struct{})}
	cmd := exec.Command(spec.Argv[0], spec.Argv[1:]...)
	cmd.Env = append(imageEnv(), spec.Env...)
	if spec.Clock {
		cmd.Env = underClock(cmd.Env)
	}
	output, err := c.openOutput(spec.Name)
	if err != nil {
		return agentapi.ProcStarted{}, fmt.Errorf("making a place for what %s prints: %w", spec.Name, err)
	}
	defer output.Close()
	if p.output, err = output.Seek(0, io.SeekEnd); err != nil {
		return agentapi.ProcStarted{}, fmt.Errorf("finding the end of what %s printed: %w", spec.Name, err)
	}
	cmd.Stdout, cmd.Stderr = output, output
	// A group of its own, so that the whole program can be ended at once, and a descendant that outlives it does not
	// keep its output open for ever.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	if c.jail == nil {
		inside := c.inside
		if spec.Attempts {
			inside = c.attempts.start
		}
		err = inside(ctx, func() error { return children.start(cmd) })
	} else {
		p.memory = oomKills()
		err = c.startJailed(ctx, cmd)
	}
	if err != nil {
		return agentapi.ProcStarted{}, fmt.Errorf("starting %s: %w", spec.Argv[0], err)
	}
	p.pid = cmd.Process.Pid
	c.mu.Lock()
	c.procs[spec.Name] = p
	c.mu.Unlock()
	c.running.Go(func() {
		_ = children.wait(cmd) // the state says how it ended
		p.state = cmd.ProcessState
		if c.jail != nil {
			c.jailedEnded(p)
		}
		p.proc.close()
		close(p.ended)
	})
	started, err := c.awaitReady(ctx, p)
	if err != nil {
		c.discard(p)
	}
	return started, err
}

// discard ends a process whose start failed, with all that it has started.
func (c *sandbox) discard(p *process) {
	p.kill()
	if c.jail != nil {
		_ = c.jail.signalAll(unix.SIGKILL) // nobody is left where that fails
	}
	<-p.ended
}

// openOutput opens the file that holds what a process prints.
func (c *sandbox) openOutput(process string) (*os.File, error) {
	if c.jail != nil {
		f, err := c.jail.root.append(agentapi.OutputOf(process))
		if err == nil && c.jail.as != nil { // a program may open /dev/stdout anew
			err = f.Chown(int(c.jail.as.Uid), int(c.jail.as.Gid))
		}
		return f, err
	}
	return os.OpenFile(c.path(agentapi.OutputOf(process)), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
}

// free reports whether nothing listens at any of the addresses.
func (c *sandbox) free(addresses []string) (bool, error) {
	for _, a := range addresses {
		if missing, err := c.notListening([]string{a}); err != nil || missing == "" {
			return false, err
		}
	}
	return true, nil
}

// awaitReady waits until the process listens where it has to, or has ended.
func (c *sandbox) awaitReady(ctx context.Context, p *process) (agentapi.ProcStarted, error) {
	limit := p.spec.Limit
	if limit == 0 {
		limit = 20 * time.Second
	}
	var missing string
	ready := func() (bool, error) {
		select {
		case <-p.ended:
			return true, nil
		default:
		}
		var err error
		missing, err = c.notListening(p.spec.Ready)
		return missing == "", err
	}
	if err := poll(ctx, limit, ready); err != nil {
		if errors.Is(err, errLimit) {
			err = fmt.Errorf("%s did not listen on %s within %v; what listens in its sandbox: %s; it printed: %s",
				p.spec.Name, missing, limit, c.listeners(), cmp.Or(p.printed(), "nothing"))
		}
		return agentapi.ProcStarted{}, err
	}
	select {
	case <-p.ended:
		return agentapi.ProcStarted{PID: p.pid, Exited: true, Output: p.printed()}, nil
	default:
		return agentapi.ProcStarted{PID: p.pid, Output: p.printed(), Clockless: p.spec.Clock && !preloaded(p.pid)}, nil
	}
}

// printed is the end of what the process printed.
func (p *process) printed() string {
	text, err := p.cell.readEnd(agentapi.OutputOf(p.spec.Name), p.output)
	if err != nil {
		return err.Error()
	}
	t := &tail{}
	_, _ = t.Write(text)
	return t.String()
}

// kill ends the process and all of its group.
func (p *process) kill() {
	_ = unix.Kill(-p.pid, unix.SIGKILL)
}

func (c *sandbox) process(name string) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.procs[name]
	if p == nil {
		return nil, fmt.Errorf("sandbox %s runs no %q", c.id, name)
	}
	return p, nil
}

// signal sends a signal to a process of the sandbox, to its children, or to all of its group.
func (c *sandbox) signal(ctx context.Context, r agentapi.ProcRef) error {
	p, err := c.process(r.Name)
	if err != nil {
		return err
	}
	sig := unix.Signal(r.Signal)
	switch {
	case r.Signal == 0:
	case r.Children:
		for _, pid := range childrenOf(p.pid) {
			if err := unix.Kill(pid, sig); err != nil {
				return fmt.Errorf("sending %v to a child of %s: %w", sig, r.Name, err)
			}
		}
	case r.Group && c.jail != nil:
		if err := c.jail.signalAll(sig); err != nil {
			return err
		}
	case r.Group:
		// A group that is gone has nothing left to be told; a gateway that refused its config is such a one.
		if err := unix.Kill(-p.pid, sig); err != nil && err != unix.ESRCH {
			return fmt.Errorf("sending %v to %s and its children: %w", sig, r.Name, err)
		}
	default:
		if err := unix.Kill(p.pid, sig); err != nil {
			return fmt.Errorf("sending %v to %s: %w", sig, r.Name, err)
		}
	}
	if !r.Await {
		return nil
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(20 * time.Second):
		return fmt.Errorf("%s did not end within 20 s of %v", r.Name, sig)
	}
	if r.Group {
		// The master has ended; its workers, which share its listener, may take a moment longer.
		if err := poll(ctx, 5*time.Second, func() (bool, error) {
			if c.jail != nil {
				return c.jail.empty()
			}
			return c.free(p.spec.Ready)
		}); !errors.Is(err, errLimit) {
			return err
		}
	}
	return nil
}

// tail keeps the end of what a process printed.
type tail struct {
	most int // bytes; tailBytes when 0
	mu   sync.Mutex
	text []byte
}

const tailBytes = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	most := t.most
	if most == 0 {
		most = tailBytes
	}
	if over := len(t.text) - most; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(bytes.ToValidUTF8(t.text, []byte("?"))))
}
