//go:build linux

package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agent/jailinit"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// jail is what keeps a stranger's processes in their catch-all sandbox: a root that is a copy of the image's, process ids of their own
// with an init of ours, and a thread without rights on which alone they are started.
type jail struct {
	root   tree
	init   *exec.Cmd
	life   context.Context // ends when the init has, and with it all other processes of the sandbox
	end    context.CancelCauseFunc
	orders io.WriteCloser
	done   chan bool // gets one for each order that was carried out: whether there was anybody
	thread *thread   // the one without rights
	layer  tree      // what the sandbox has written: over the image in upper, and in its own tmp and run

	as  *syscall.Credential // whom its processes run as; nil for root
	dir string              // where they start
	env []string            // what they have in their environment besides the image's own

	execs    atomic.Int32 // under way
	ordering sync.Mutex   // held while an order is carried out
	mu       sync.Mutex
	overrun  error // why the processes were ended: agentapi.ErrMultiplied, agentapi.ErrOutOfMemory
}

// catchAllBytes is the size of all that a catch-all sandbox may write, in memory: its files, its shared memory, what it prints. Several
// catch-all sandboxes that have used up theirs leave enough of the container's 1 GiB to all others.
const catchAllBytes = 64 << 20

// errNoInit is why nothing runs in a catch-all sandbox any more.
var errNoInit = errors.New("the first process of the sandbox has ended")

// newJail makes the jail of a catch-all sandbox. It is for the sandbox's own thread, which sees only the sandbox's root afterwards.
func (c *sandbox) newJail() (*jail, error) {
	if err := limitJails(); err != nil {
		return nil, err
	}
	at, cells := filepath.Join(c.dir, "world"), filepath.Dir(c.dir)
	if err := mountRoot(at, cells); err != nil {
		return nil, err
	}
	root, err := unix.Open(filepath.Join(at, "root"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the root of a sandbox: %w", err)
	}
	layer, err := unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(root)
		return nil, fmt.Errorf("opening what a sandbox writes: %w", err)
	}
	j := &jail{root: tree{root}, layer: tree{layer}, done: make(chan bool, 1)}
	j.life, j.end = context.WithCancelCause(context.Background())
	if err := j.startInit(&c.running, filepath.Join(at, "root"), cells); err != nil {
		j.close()
		return nil, err
	}
	return j, j.root.enter()
}

// mountRoot puts together what the sandbox's processes are to see as their root: the image with a layer of the sandbox's own
// above it, without the folder of the sandboxes, and only the devices that every program counts on. /proc is up to the init, which alone has the sandbox's ids.
func mountRoot(at, cells string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return fmt.Errorf("making the folder of a sandbox: %w", err)
	}
	const safe = unix.MS_NOSUID | unix.MS_NODEV
	if err := unix.Mount("tmpfs", at, "tmpfs", safe, fmt.Sprintf("size=%d,nr_inodes=64k,mode=755", catchAllBytes)); err != nil {
		return fmt.Errorf("making the memory of a sandbox: %w", err)
	}
	for _, folder := range []string{"upper", "work", "root", "dev", "dev/shm", "upper/tmp", "upper/run", "tmp", "run"} {
		if err := os.Mkdir(filepath.Join(at, folder), 0o755); err != nil {
			return fmt.Errorf("making the folder of a sandbox: %w", err)
		}
	}
	for _, open := range []string{"dev/shm", "tmp"} {
		if err := unix.Chmod(filepath.Join(at, open), 0o1777); err != nil {
			return err
		}
	}
	if err := layOut("/run", filepath.Join(at, "run")); err != nil {
		return fmt.Errorf("making the folders in /run of a sandbox: %w", err)
	}
	root := filepath.Join(at, "root")
	layers := fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%s/work", at, at)
	if err := unix.Mount("overlay", root, "overlay", safe, layers); err != nil {
		return fmt.Errorf("laying a sandbox over the image: %w", err)
	}
	// The image's own are not to show. An opaque folder of overlayfs would do as well, and takes a right over the machine.
	for _, fresh := range []string{"tmp", "run"} {
		if err := unix.Mount(filepath.Join(at, fresh), filepath.Join(root, fresh), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("making a folder of a sandbox empty: %w", err)
		}
	}
	for _, ours := range []string{agentFile, cells} {
		if err := os.RemoveAll(filepath.Join(root, ours)); err != nil {
			return fmt.Errorf("hiding %s from a sandbox: %w", ours, err)
		}
	}
	for _, folder := range []string{"dev", "proc", "sys"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			return err
		}
	}
	return mountDevices(filepath.Join(at, "dev"), filepath.Join(root, "dev"))
}

// agentFile is where this program lies in the container.
const agentFile = "/badgateway-agent"

func mountDevices(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("making the devices of a sandbox: %w", err)
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom"} {
		if err := os.WriteFile(filepath.Join(to, name), nil, 0o666); err != nil {
			return err
		}
		if err := bind("/dev/"+name, filepath.Join(to, name)); err != nil {
			return err
		}
		// It is one device for all catch-all sandboxes: each may read and write it, and none may change its owner or mode.
		if err := unix.Mount("", filepath.Join(to, name), "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID, ""); err != nil {
			return fmt.Errorf("keeping the device %s as it is: %w", name, err)
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// startInit starts the sandbox's first process. It moves the root into its place before it says that it is ready.
func (j *jail) startInit(running *sync.WaitGroup, root, cells string) error {
	cmd := exec.Command("/proc/self/exe", root, "/proc", "/sys", "/dev", cells)
	cmd.Args[0] = jailinit.Name
	cmd.Env = []string{"GOMAXPROCS=1", jailinit.FirstPort + "=" + firstPort}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS, Setpgid: true,
	}
	orders, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	says, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	text := &tail{}
	cmd.Stderr = text
	if err := children.start(cmd); err != nil {
		return fmt.Errorf("starting the first process of a sandbox: %w", err)
	}
	j.init, j.orders = cmd, orders
	lines := bufio.NewScanner(says)
	if !lines.Scan() || lines.Text() != jailinit.Ready {
		j.kill()
		_ = children.wait(cmd)
		return fmt.Errorf("the first process of a sandbox did not come up: %s", text)
	}
	running.Go(func() {
		for lines.Scan() {
			switch lines.Text() {
			case jailinit.Done, jailinit.Nobody:
				j.done <- lines.Text() == jailinit.Done
			case jailinit.Multiplied:
				j.overran(agentapi.ErrMultiplied)
			}
		}
		_ = children.wait(cmd)
		j.end(errNoInit)
	})
	return nil
}

// overran notes why the sandbox's processes were ended; the first reason stands.
func (j *jail) overran(why error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.overrun == nil {
		j.overrun = why
	}
}

// killed says why the sandbox's processes were ended, when they used up what they may; nil when they did not.
func (c *sandbox) killed() error {
	if c.jail == nil {
		return nil
	}
	c.jail.mu.Lock()
	defer c.jail.mu.Unlock()
	if c.jail.overrun == nil {
		return nil
	}
	return fmt.Errorf("%w; they were ended", c.jail.overrun)
}

// signalAll sends a signal to all processes of the sandbox at once, so that none can be begun meanwhile.
func (j *jail) signalAll(sig unix.Signal) error {
	_, err := j.order(sig)
	return err
}

// empty reports whether no process is left in the sandbox.
func (j *jail) empty() (bool, error) {
	anybody, err := j.order(0)
	return !anybody, err
}

func (j *jail) order(sig unix.Signal) (anybody bool, err error) {
	j.ordering.Lock()
	defer j.ordering.Unlock()
	if _, err := j.orders.Write([]byte{byte(sig)}); err != nil {
		return false, fmt.Errorf("telling the first process of a sandbox to send %v: %w", sig, err)
	}
	select {
	case anybody = <-j.done:
		return anybody, nil
	case <-j.life.Done():
		return false, context.Cause(j.life)
	}
}

// kill ends all processes of the sandbox.
func (j *jail) kill() { _ = unix.Kill(j.init.Process.Pid, unix.SIGKILL) }

// close is for when all of them have ended.
func (j *jail) close() {
	if j.orders != nil {
		j.orders.Close()
	}
	j.root.close()
	j.layer.close()
}

// startThread starts the thread on which alone a catch-all sandbox's processes are started: it is in all of the sandbox's namespaces, and has
// no more rights than they.
func (j *jail) startThread(running *sync.WaitGroup, netns *os.File) (err error) {
	j.thread, err = startThread(j.life, running, func() error {
		if err := j.enter(netns); err != nil {
			return err
		}
		return dropRights()
	})
	return err
}

func (j *jail) enter(netns *os.File) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("making a sandbox's thread: %w", err)
	}
	kinds := []struct {
		name string
		flag int
	}{{"pid", unix.CLONE_NEWPID}, {"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"mnt", unix.CLONE_NEWNS}}
	for _, k := range kinds { // that of the mounts last, as the others are found in /proc
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", j.init.Process.Pid, k.name))
		if err != nil {
			return fmt.Errorf("opening a namespace of a sandbox: %w", err)
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), k.flag); err != nil {
			return fmt.Errorf("entering the namespace %s of a sandbox: %w", k.name, err)
		}
	}
	if err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the network of a sandbox: %w", err)
	}
	return j.root.enter()
}

// jailedEnded is for a process of a catch-all sandbox that has just ended: it may have used up the memory, or have become a daemon, as
// a gateway does by default. The daemon takes its name.
func (c *sandbox) jailedEnded(p *process) {
	if status, ok := p.state.Sys().(syscall.WaitStatus); ok && status.Signaled() && oomKills() > p.memory {
		c.jail.overran(agentapi.ErrOutOfMemory)
	}
	orphans := childrenOf(c.jail.init.Process.Pid)
	if !p.state.Success() || len(orphans) == 0 {
		return
	}
	daemon := &process{spec: p.spec, cell: c, pid: orphans[0], memory: p.memory, output: p.output, ended: make(chan struct{})}
	fd, err := unix.PidfdOpen(daemon.pid, 0)
	if err != nil {
		return // it has ended too
	}
	c.running.Go(func() {
		defer unix.Close(fd)
		for { // readable once it has ended; see pidfd_open(2)
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		close(daemon.ended)
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.procs[p.spec.Name] == p {
		c.procs[p.spec.Name] = daemon
	}
}
