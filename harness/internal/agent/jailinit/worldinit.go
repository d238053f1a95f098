//go:build linux

package jailinit

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Name is the program's name when it is the first process of a catch-all sandbox. Its arguments are the folder that becomes the root,
// and what else of the container has to go.
const Name = "badgateway-sandbox"

// FirstPort is the variable with the lowest port that needs no right to be listened on.
const FirstPort = "FIRST_PORT"

// What it says to the agent, a line each. The agent's orders are signals to be sent, a byte each; 0 only asks whether there is
// anybody to send one to.
const (
	Ready      = "ready"
	Done       = "done"
	Nobody     = "nobody"
	Multiplied = "multiplied"
)

// How many processes, and how many threads of all of them, a catch-all sandbox may have. A gateway on a large machine has a worker
// for each processor.
const (
	Processes = 256
	threads   = 1024
)

func init() {
	if len(os.Args) > 1 && os.Args[0] == Name {
		os.Exit(run(os.Args[1], os.Args[2:]))
	}
}

func run(root string, hide []string) int {
	signal.Ignore() // all that can be: what runs in the sandbox may send it any
	proc, err := setUp(root, hide)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(Ready)
	orders := make(chan syscall.Signal)
	go func() {
		in := bufio.NewReader(os.Stdin)
		for {
			sig, err := in.ReadByte()
			if err != nil {
				os.Exit(0) // the agent is gone
			}
			orders <- syscall.Signal(sig)
		}
	}()
	look := time.NewTicker(50 * time.Millisecond)
	for {
		select {
		case sig := <-orders:
			if sig != 0 && tooMany(proc) {
				fmt.Println(Multiplied) // before the next look
			}
			// All processes of the namespace but this one; see kill(2).
			if syscall.Kill(-1, sig) == syscall.ESRCH {
				fmt.Println(Nobody)
			} else {
				fmt.Println(Done)
			}
		case <-look.C:
			if tooMany(proc) {
				_ = syscall.Kill(-1, syscall.SIGKILL)
				fmt.Println(Multiplied)
			}
		}
	}
}

// setUp mounts the sandbox's own /proc and makes its root the only one there is. The /proc that it returns is this program's
// alone.
func setUp(root string, hide []string) (own *os.File, err error) {
	// No process that has fewer rights may look into this one; see ptrace(2).
	const dumpable = 4 // PR_SET_DUMPABLE
	if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, dumpable, 0, 0); err != 0 {
		return nil, fmt.Errorf("closing the first process of a sandbox: %w", err)
	}
	proc := filepath.Join(root, "proc")
	const safe = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC
	if err := syscall.Mount("proc", proc, "proc", safe, ""); err != nil {
		return nil, fmt.Errorf("mounting /proc in a sandbox: %w", err)
	}
	if ownLimits() {
		// A catch-all sandbox without this limit has the one that is looked after below.
		_ = os.WriteFile(filepath.Join(proc, "sys/kernel/pid_max"), fmt.Appendf(nil, "%d\n", threads+512), 0)
	}
	// A new network has the kernel's default, and not what the engine gives to the network of a container.
	if first := os.Getenv(FirstPort); first != "" {
		// Where it can't be set, the kernel's default holds, and a gateway that may not listen says so.
		_ = os.WriteFile(filepath.Join(proc, "sys/net/ipv4/ip_unprivileged_port_start"), []byte(first), 0)
	}
	if own, err = os.Open(proc); err != nil {
		return nil, fmt.Errorf("opening /proc in a sandbox: %w", err)
	}
	if err := syscall.Unmount(proc, syscall.MNT_DETACH); err != nil {
		return nil, fmt.Errorf("mounting /proc in a sandbox: %w", err)
	}
	// Only what is about processes (Linux 5.8), and only to read: nothing of the machine can be read there, nothing be set.
	if err := syscall.Mount("proc", proc, "proc", safe|syscall.MS_RDONLY, "subset=pid"); err != nil {
		return nil, fmt.Errorf("mounting /proc in a sandbox (it takes Linux 5.8): %w", err)
	}
	fd, err := syscall.Open(root, syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the root of a sandbox: %w", err)
	}
	defer syscall.Close(fd)
	// pivot_root(2) would do, but no container engine lets it through.
	if err := syscall.Mount(root, "/", "", syscall.MS_MOVE, ""); err != nil {
		return nil, fmt.Errorf("moving the root of a sandbox into its place: %w", err)
	}
	for _, old := range hide { // this process is still in the old root
		if err := syscall.Unmount(old, syscall.MNT_DETACH); err != nil {
			return nil, fmt.Errorf("taking %s of the image out of a sandbox: %w", old, err)
		}
	}
	if err := syscall.Fchdir(fd); err != nil {
		return nil, fmt.Errorf("entering the root of a sandbox: %w", err)
	}
	if err := syscall.Chroot("."); err != nil {
		return nil, fmt.Errorf("entering the root of a sandbox: %w", err)
	}
	return own, nil
}

// ownLimits reports whether the kernel keeps the highest process id for each namespace, not for the machine: since Linux 6.14.
func ownLimits() bool {
	var u syscall.Utsname
	if syscall.Uname(&u) != nil {
		return false
	}
	var release strings.Builder
	for _, b := range u.Release {
		release.WriteByte(byte(b))
	}
	var major, minor int
	_, _ = fmt.Sscanf(release.String(), "%d.%d", &major, &minor)
	return major > 6 || major == 6 && minor >= 14
}

// tooMany reports whether the sandbox has more processes or threads than it may. Each process that it meets it makes one that the
// kernel ends before all others when the memory is used up.
func tooMany(proc *os.File) bool {
	if _, err := proc.Seek(0, io.SeekStart); err != nil {
		return false
	}
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return false
	}
	processes, all := 0, 0
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' || name == "1" {
			continue
		}
		processes++
		var info syscall.Stat_t
		if syscall.Stat("/proc/"+name+"/task", &info) == nil {
			all += int(info.Nlink) - 2 // a folder for each
		}
		if fd, err := syscall.Openat(int(proc.Fd()), name+"/oom_score_adj", syscall.O_WRONLY|syscall.O_CLOEXEC, 0); err == nil {
			_, _ = syscall.Write(fd, []byte("1000")) // it may have ended
			syscall.Close(fd)
		}
	}
	return processes > Processes || all > threads
}
