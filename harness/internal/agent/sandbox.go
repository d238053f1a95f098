//go:build linux

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// faketimerc is the one place where a program under libfaketime looks when its environment was wiped, as nginx's is.
const faketimerc = "/etc/faketimerc"

// sandbox is one scenario's own place: a network namespace, a mount namespace, and a folder.
type sandbox struct {
	id       string
	dir      string
	attached bool    // the folder and the network belong to the sandbox of another container
	frozen   bool    // the clock all but stands still between two moves; a guest's is the sandbox's own then
	runs     bool    // its clock goes on at the machine's pace between two moves
	pace     float64 // how many times as fast as the machine's its clock goes; 0 for one that is moved
	netns    *os.File
	diag     *diagnostics // nil where the kernel has none
	jail     *jail        // of a catch-all sandbox; nil otherwise
	catchAll *catchAll    // likewise
	attempts *attempts    // whom the gateway calls
	tid      int          // the thread that lives in both namespaces; /proc/self/task/TID shows the sandbox's view
	own      *thread      // that thread's work
	network  procFiles    // what the kernel counts of the network

	life    context.Context // ends when the sandbox is closed; the cause says so
	end     context.CancelCauseFunc
	close   func() error   // ends all that runs in the sandbox, and removes it; whoever calls it again waits for the same
	running sync.WaitGroup // the sandbox's threads and processes

	mu      sync.Mutex
	calls   sync.WaitGroup // those under way
	folders []agentapi.Folder
	procs   map[string]*process
	fakes   map[string]*fakeupstream.Server
	asks    map[string]*ask
	kept    map[keptConn]*clientConn // by clients, for their next requests
	syslogs []*syslog                // set when the sandbox is opened
	logs    map[string]int64         // log file -> how far it was read
	undo    map[agentapi.NetSpec]func() error
	changes map[int]func(context.Context) error // by number, what takes a change of a file back
	changed int                                 // how many changes there were
	wires   atomic.Int64                        // how many hosts were switched off so far
	watches map[string]*os.File                 // inotify, by the file that is watched
	clock   *clock

	delayedBefore time.Duration // how long this program had waited for processors when the sandbox was opened
	overslept     atomic.Int64  // nanoseconds; counted where the clock goes faster
}

func newSandbox(root string, spec agentapi.SandboxSpec) *sandbox {
	c := &sandbox{
		id: spec.ID, dir: filepath.Join(root, spec.ID), folders: spec.Folders, attached: spec.Join != "", frozen: spec.Join == "" || spec.Still,
		procs: map[string]*process{}, fakes: map[string]*fakeupstream.Server{}, asks: map[string]*ask{}, kept: map[keptConn]*clientConn{},
		logs: map[string]int64{}, undo: map[agentapi.NetSpec]func() error{}, changes: map[int]func(context.Context) error{}, watches: map[string]*os.File{},
		pace: spec.Pace, clock: newClock(spec.Pace),
		delayedBefore: delayed(os.Getpid()),
	}
	for _, l := range spec.Logs {
		c.logs[l] = 0
	}
	c.attempts = newAttempts(c)
	if spec.CatchAll != nil {
		c.attempts.why = "a gateway among upstreams that all answer is not followed: what they were asked tells whom it called"
	}
	c.life, c.end = context.WithCancelCause(context.Background())
	c.close = sync.OnceValue(c.remove)
	return c
}

// do makes a call in the sandbox. Its context ends when the caller's does, and when the sandbox is closed.
func (c *sandbox) do(ctx context.Context, call func(context.Context) error) error {
	c.mu.Lock()
	if c.life.Err() != nil {
		c.mu.Unlock()
		return context.Cause(c.life)
	}
	c.calls.Add(1)
	c.mu.Unlock()
	defer c.calls.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() { cancel(context.Cause(c.life)) })()
	err := call(ctx)
	if err != nil { // it may be no more than what came of the end
		err = cmp.Or(context.Cause(c.life), context.Cause(ctx), err)
	}
	return err
}

// open makes the namespaces and the folder of the sandbox, and starts what plays in it from the start. After an error it has to be
// closed, as after none.
func (c *sandbox) open(ctx context.Context, spec agentapi.SandboxSpec) (err error) {
	if spec.CatchAll != nil && c.attached {
		return fmt.Errorf("sandbox %s is to catch all, which takes a network of its own", c.id)
	}
	if spec.CatchAll == nil {
		if err := c.makeFolders(); err != nil {
			return err
		}
	}
	if c.own, err = startThread(c.life, &c.running, func() error { return c.enter(spec) }); err != nil {
		return err
	}
	files := spec.Files
	if spec.CatchAll != nil {
		files = append([]agentapi.File{{Path: c.clockFile(), Data: c.clockText(0)}}, files...)
	}
	if err := c.put(ctx, files...); err != nil {
		return err
	}
	if err := c.listenSyslog(ctx, spec); err != nil {
		return err
	}
	for _, f := range spec.Fakes {
		if err := c.startFake(ctx, f); err != nil {
			return err
		}
	}
	if c.pace > 1 {
		c.running.Go(c.oversleep)
	}
	return nil
}

func (c *sandbox) enter(spec agentapi.SandboxSpec) error {
	c.tid = unix.Gettid()
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("making the mount namespace of sandbox %s: %w", c.id, err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping the mounts of sandbox %s private: %w", c.id, err)
	}
	if spec.Join == "" {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making the network namespace of sandbox %s: %w", c.id, err)
		}
	} else if err := joinNetns(spec.Join); err != nil {
		return fmt.Errorf("joining the network of sandbox %s: %w", c.id, err)
	}
	ns, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", c.tid))
	if err != nil {
		return fmt.Errorf("opening the network namespace of sandbox %s: %w", c.id, err)
	}
	c.netns = ns
	if canDiagnose {
		if c.diag, err = newDiagnostics(); err != nil {
			return err
		}
	}
	if spec.CatchAll != nil {
		if c.jail, err = c.newJail(); err != nil {
			return err
		}
	}
	if spec.Join == "" {
		if err := c.setUpLoopback(spec.Addresses); err != nil {
			return err
		}
	}
	if spec.CatchAll != nil {
		return c.enterCatchAll(*spec.CatchAll)
	}
	for _, f := range c.folders {
		if err := bind(c.path(f.Path), f.Path); err != nil {
			return err
		}
	}
	if _, err := os.Stat(faketimerc); err == nil {
		return bind(c.clockFile(), faketimerc)
	}
	return nil
}

// enterCatchAll brings up the rest of a catch-all sandbox, when the sandbox's own thread is in its root and network.
func (c *sandbox) enterCatchAll(spec agentapi.CatchAllSpec) error {
	if err := c.jail.startThread(&c.running, c.netns); err != nil {
		return err
	}
	for _, f := range c.folders {
		if err := c.jail.root.mkdir(f.Path, 0o755, 0, 0); err != nil {
			return fmt.Errorf("making %s in sandbox %s: %w", f.Path, c.id, err)
		}
	}
	if err := forgetPtrace(); err != nil {
		return err
	}
	if err := c.jail.runAs(spec); err != nil {
		return err
	}
	return c.setUpCatchAll(spec)
}

func joinNetns(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// bind makes one file or folder appear at the place of another, for this thread and all that it starts.
func bind(from, to string) error {
	if _, err := os.Stat(to); os.IsNotExist(err) {
		// The image has no such file: an empty one takes the mount.
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("making a place for %s: %w", to, err)
		}
		if err := os.WriteFile(to, nil, 0o644); err != nil {
			return fmt.Errorf("making a place for %s: %w", to, err)
		}
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("binding %s to %s: %w", from, to, err)
	}
	return nil
}

// inside runs f on the sandbox's own thread, in its network and mounts.
func (c *sandbox) inside(ctx context.Context, f func() error) error { return c.own.do(ctx, f) }

// home is the network namespace of the container itself, in which the agent's own threads live.
var home int

// online runs f on a thread of its own in the sandbox's network. Sockets that f makes stay there for good.
func (c *sandbox) online(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(c.netns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("entering the network of sandbox %s: %w", c.id, err)
			return
		}
		err := f()
		// Where the way home fails, the thread stays locked, and ends with this goroutine.
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// netnsPath is where another agent finds the sandbox's network.
func (c *sandbox) netnsPath() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), c.netns.Fd()) }

// path is where a path of the sandbox lies outside it. A catch-all sandbox has no such place: what lies in its root is a stranger's, and
// is reached through its jail's tree alone.
func (c *sandbox) path(p string) string {
	return filepath.Join(c.dir, p)
}

// holds reports whether a path lies in one of the sandbox's own folders.
func (c *sandbox) holds(p string) bool {
	if c.jail != nil {
		return true
	}
	for _, f := range c.folders {
		if p == f.Path || strings.HasPrefix(p, strings.TrimSuffix(f.Path, "/")+"/") {
			return true
		}
	}
	return false
}

// remove is what close does once.
func (c *sandbox) remove() error {
	c.mu.Lock()
	c.end(agentapi.Errorf(agentapi.ErrNoSandbox, "sandbox %s is closed", c.id))
	c.mu.Unlock()
	c.calls.Wait() // nobody else is in it from here on
	c.mu.Lock()
	for _, a := range c.asks {
		a.leave()
	}
	for _, conn := range c.kept {
		conn.Close()
	}
	for _, p := range c.procs {
		p.kill()
	}
	c.mu.Unlock()
	if c.jail != nil {
		c.jail.kill()
	}
	c.running.Wait()
	var errs []error
	for _, f := range c.fakes {
		errs = append(errs, f.Close())
	}
	if c.catchAll != nil {
		c.catchAll.close()
	}
	for _, w := range c.watches {
		w.Close()
	}
	if c.jail != nil {
		c.jail.close()
	}
	c.network.close()
	c.attempts.close()
	if c.diag != nil {
		c.diag.close()
	}
	if c.netns != nil {
		c.netns.Close()
	}
	if !c.attached {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}
