//go:build linux

package agent

import (
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

// cell is one scenario's own place: a network namespace, a mount namespace, and a folder.
type cell struct {
	id    string
	dir   string
	guest bool // the folder and the network belong to the cell of another container
	still bool // the clock all but stands still between two moves; a guest's is the cell's own then
	runs  bool // its clock goes on at the machine's pace between two moves
	netns *os.File
	diag  *diagnostics // nil where the kernel has none
	jail  *jail        // of a world; nil otherwise
	world *world       // likewise
	tid   int          // the thread that lives in both namespaces; /proc/self/task/TID shows the cell's view
	own   *thread      // that thread's work
	gone  chan struct{}

	mu      sync.Mutex
	folders []agentapi.Folder
	procs   map[string]*process
	fakes   map[string]*fakeupstream.Server
	asks    map[string]*ask
	logs    map[string]int64 // log file -> how far it was read
	undo    map[agentapi.NetSpec]func() error
	wires   atomic.Int64        // how many hosts were switched off so far
	watches map[string]*os.File // inotify, by the file that is watched
	clock   *clock

	delayedBefore time.Duration // how long this program had waited for processors when the cell was opened
}

// openCell makes the namespaces and the folder of a cell.
func openCell(spec agentapi.CellSpec) (*cell, error) {
	c := &cell{
		id: spec.ID, dir: filepath.Join(agentapi.Root, spec.ID), folders: spec.Folders, guest: spec.Join != "", still: spec.Join == "" || spec.Still,
		own: newThread(), gone: make(chan struct{}),
		procs: map[string]*process{}, fakes: map[string]*fakeupstream.Server{}, asks: map[string]*ask{},
		logs: map[string]int64{}, undo: map[agentapi.NetSpec]func() error{}, watches: map[string]*os.File{}, clock: newClock(),
		delayedBefore: delayed(os.Getpid()),
	}
	for _, l := range spec.Logs {
		c.logs[l] = 0
	}
	if spec.World != nil && c.guest {
		return nil, fmt.Errorf("cell %s is to be a world, which has a network of its own", c.id)
	}
	if spec.World == nil {
		if err := c.makeFolders(); err != nil {
			return nil, err
		}
	}
	started := make(chan error, 1)
	go c.live(spec, started)
	if err := <-started; err != nil {
		c.abandon()
		if !c.guest {
			os.RemoveAll(c.dir)
		}
		return nil, err
	}
	files := spec.Files
	if spec.World != nil {
		files = append([]agentapi.File{{Path: c.clockFile(), Data: c.clockText(0)}}, files...)
	}
	for _, f := range files {
		if err := c.writeFile(f); err != nil {
			c.close()
			return nil, err
		}
	}
	for _, f := range spec.Fakes {
		if err := c.play(f); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// abandon ends what of a world was there before something else of it failed.
func (c *cell) abandon() {
	if c.world != nil {
		c.world.close()
	}
	if c.jail != nil {
		c.jail.close()
	}
	if c.diag != nil {
		c.diag.close()
	}
	if c.netns != nil {
		c.netns.Close()
	}
}

// live is the cell's own thread. The goroutine never unlocks it, so the thread, and with it the last reference to the
// mount namespace, goes when the cell is closed.
func (c *cell) live(spec agentapi.CellSpec, started chan<- error) {
	runtime.LockOSThread()
	err := c.enter(spec)
	started <- err
	if err != nil {
		return
	}
	c.own.serve()
	close(c.gone)
}

func (c *cell) enter(spec agentapi.CellSpec) error {
	c.tid = unix.Gettid()
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("making the mount namespace of cell %s: %w", c.id, err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping the mounts of cell %s private: %w", c.id, err)
	}
	if spec.Join == "" {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making the network namespace of cell %s: %w", c.id, err)
		}
	} else if err := joinNetns(spec.Join); err != nil {
		return fmt.Errorf("joining the network of cell %s: %w", c.id, err)
	}
	ns, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", c.tid))
	if err != nil {
		return fmt.Errorf("opening the network namespace of cell %s: %w", c.id, err)
	}
	c.netns = ns
	if canDiagnose {
		if c.diag, err = newDiagnostics(); err != nil {
			return err
		}
	}
	if spec.World != nil {
		if c.jail, err = newJail(c.dir); err != nil {
			return err
		}
	}
	if spec.Join == "" {
		if err := c.setUpLoopback(spec.Addresses); err != nil {
			return err
		}
	}
	if spec.World != nil {
		return c.enterWorld(*spec.World)
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

// enterWorld brings up the rest of a world, when the cell's own thread is in its root and network.
func (c *cell) enterWorld(spec agentapi.WorldSpec) error {
	started := make(chan error, 1)
	go c.jail.live(c.netns, started)
	if err := <-started; err != nil {
		return err
	}
	for _, f := range c.folders {
		if err := c.jail.root.mkdir(f.Path, 0o755, 0, 0); err != nil {
			return fmt.Errorf("making %s in cell %s: %w", f.Path, c.id, err)
		}
	}
	if err := forgetPtrace(); err != nil {
		return err
	}
	if err := c.jail.runAs(spec); err != nil {
		return err
	}
	return c.setUpWorld(spec)
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

// inside runs f on the cell's own thread, in its network and mounts.
func (c *cell) inside(f func() error) error {
	err := c.own.do(f)
	if errors.Is(err, errThreadEnded) {
		return fmt.Errorf("cell %s is closed", c.id)
	}
	return err
}

// home is the network namespace of the container itself, in which the agent's own threads live.
var home int

// online runs f on a thread of its own in the cell's network. Sockets that f makes stay there for good.
func (c *cell) online(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(c.netns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("entering the network of cell %s: %w", c.id, err)
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

// path is where a path of the cell lies outside it. A world has no such place: what lies in its root is a stranger's, and
// is reached through its jail's tree alone.
func (c *cell) path(p string) string {
	return filepath.Join(c.dir, p)
}

// holds tells whether a path lies in one of the cell's own folders.
func (c *cell) holds(p string) bool {
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

// close ends all that runs in the cell, and removes it.
func (c *cell) close() error {
	c.mu.Lock()
	procs, fakes, asks := c.procs, c.fakes, c.asks
	c.procs, c.fakes, c.asks = map[string]*process{}, map[string]*fakeupstream.Server{}, map[string]*ask{}
	c.mu.Unlock()
	var errs []error
	for _, a := range asks {
		a.conn.Close()
	}
	for _, p := range procs {
		p.kill()
	}
	if c.jail != nil {
		c.jail.close()
	}
	for _, p := range procs {
		<-p.ended
	}
	for _, f := range fakes {
		errs = append(errs, f.Close())
	}
	if c.world != nil {
		c.world.close()
	}
	c.own.end()
	<-c.gone
	for _, w := range c.watches {
		w.Close()
	}
	if c.diag != nil {
		c.diag.close()
	}
	if c.netns != nil {
		c.netns.Close()
	}
	if !c.guest {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}
