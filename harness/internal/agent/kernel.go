//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errLimit says that what was waited for did not come in time.
var errLimit = errors.New("the time limit was reached")

// poll asks again until something is so, or ctx ends. What it asks is the state of the kernel, which has no event to wait on.
func poll(ctx context.Context, limit time.Duration, so func() (bool, error)) error {
	return asking(ctx, limit, 250*time.Microsecond, time.Sleep, so)
}

// pollFast is until for what is so within a fraction of a millisecond as a rule, and asked for very often. The runtime's own Sleep
// takes a whole one, since it waits for network events meanwhile, and those waits count in milliseconds.
func pollFast(ctx context.Context, limit time.Duration, so func() (bool, error)) error {
	return asking(ctx, limit, 60*time.Microsecond, func(d time.Duration) {
		t := unix.NsecToTimespec(d.Nanoseconds())
		_ = unix.Nanosleep(&t, nil)
	}, so)
}

func asking(ctx context.Context, limit, pause time.Duration, sleep func(time.Duration), so func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	for ; ; pause = min(2*pause, time.Millisecond) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		ok, err := so()
		if err != nil || ok {
			return err
		}
		if time.Now().After(deadline) {
			return errLimit
		}
		sleep(pause)
	}
}

// socket is one row of /proc/net/tcp.
type socket struct {
	local, remote netip.AddrPort
	state         int // as in the kernel's include/net/tcp_states.h
	unread        int // bytes received that the program has not read; of a listener, connections not accepted
	unsent        int // bytes written that the other end has not acknowledged
	inode         uint64
}

const (
	tcpEstablished = 1
	tcpSynSent     = 2
	tcpListen      = 10
)

// sockets lists the TCP sockets of the sandbox's network.
func (c *sandbox) sockets() ([]socket, error) {
	var all []socket
	for _, name := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/net/%s", c.tid, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("reading the sockets of sandbox %s: %w", c.id, err)
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Scan()
		for lines.Scan() {
			if s, ok := parseSocket(lines.Text()); ok {
				all = append(all, s)
			}
		}
	}
	return all, nil
}

func parseSocket(line string) (socket, bool) {
	f := strings.Fields(line)
	if len(f) < 10 {
		return socket{}, false
	}
	state, err := strconv.ParseInt(f[3], 16, 0)
	if err != nil {
		return socket{}, false
	}
	s := socket{local: parseAddr(f[1]), remote: parseAddr(f[2]), state: int(state)}
	if tx, rx, ok := strings.Cut(f[4], ":"); ok {
		n, _ := strconv.ParseInt(rx, 16, 64)
		s.unread = int(n)
		n, _ = strconv.ParseInt(tx, 16, 64)
		s.unsent = int(n)
	}
	s.inode, _ = strconv.ParseUint(f[9], 10, 64)
	return s, true
}

// parseAddr reads the kernel's "0100007F:0050": 32-bit words in the machine's order, and the port.
func parseAddr(s string) netip.AddrPort {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	addr, _ := netip.AddrFromSlice(raw)
	n, _ := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n))
}

// notListening names the first of the addresses at which nothing in the sandbox listens; empty when all are served.
func (c *sandbox) notListening(want []string) (string, error) {
	for _, w := range want {
		path, local := strings.CutPrefix(w, "unix:")
		listens := c.tcpListening
		if local {
			listens = c.unixListening
		}
		if ok, err := listens(path); err != nil || !ok {
			return w, err
		}
	}
	return "", nil
}

func (c *sandbox) tcpListening(address string) (bool, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return false, fmt.Errorf("the address to listen at: %w", err)
	}
	nobody := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if at.Addr().Is6() {
		nobody = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	s, found, err := c.tcp(at, nobody)
	return found && s.state == tcpListen, err
}

func (c *sandbox) unixListening(path string) (bool, error) {
	all, err := c.unixListeners()
	return slices.Contains(all, path), err
}

// unixListeners are the paths of the unix sockets at which something listens.
func (c *sandbox) unixListeners() (all []string, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/net/unix", c.tid))
	if err != nil {
		return nil, fmt.Errorf("reading the unix sockets of sandbox %s: %w", c.id, err)
	}
	const acceptsConnections = "00010000" // SO_ACCEPTCON in the column of flags
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 8 && f[3] == acceptsConnections {
			all = append(all, f[7])
		}
	}
	return all, nil
}

// listeners says where something listens in the sandbox's network: "10.0.0.5:9001, unix:/run/app.sock", or "nothing".
func (c *sandbox) listeners() string {
	sockets, err := c.sockets()
	paths, err2 := c.unixListeners()
	if err := errors.Join(err, err2); err != nil {
		return err.Error()
	}
	var all []string
	for _, s := range sockets {
		if s.state == tcpListen {
			all = append(all, s.local.String())
		}
	}
	for _, path := range paths {
		all = append(all, "unix:"+strings.TrimPrefix(path, c.dir)) // the agent's own are bound from outside of it
	}
	slices.Sort(all)
	return cmp.Or(strings.Join(slices.Compact(all), ", "), "nothing")
}

// childrenOf lists the children of a process.
func childrenOf(pid int) []int { return (*procFiles)(nil).children(pid) }

// schedule is how a process stands with the kernel's scheduler.
type schedule struct {
	asleep   bool
	stopped  bool   // by SIGSTOP
	switches uint64 // how often it has gone to sleep of its own
	threads  int
}

func scheduleOf(pid int) (schedule, error) {
	return (*procFiles)(nil).schedule(fmt.Sprintf("/proc/%d", pid))
}

// waitsKnown reports whether the kernel says where a process sleeps: most of this program's own threads do.
var waitsKnown = sync.OnceValue(func() bool {
	threads, _ := filepath.Glob("/proc/self/task/*/wchan")
	for _, t := range threads {
		if at, err := readProc(t); err == nil && at != "0" {
			return true
		}
	}
	return false
})

// readProc reads a small file of /proc. os.ReadFile does the same with three times the calls to the kernel, for it also
// asks whether the file can be waited for; a lab reads thousands a second.
func readProc(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return readProcAt(fd, path)
}

// readProcAt reads it from its beginning.
func readProcAt(fd int, path string) (string, error) {
	var buf [4096]byte
	n, err := unix.Pread(fd, buf[:], 0)
	if err == unix.ESRCH {
		err = unix.ENOENT // the process ended in between
	}
	if err != nil {
		return "", &os.PathError{Op: "read", Path: path, Err: err}
	}
	return string(buf[:n]), nil
}

// siginfoPID reads the process id of a child out of the union in siginfo_t, which x/sys leaves as bytes.
func siginfoPID(info *unix.Siginfo) int {
	// Three ints (signo, errno, code), padded to the union's alignment.
	const offset = (3*4 + unsafe.Sizeof(uintptr(0)) - 1) &^ (unsafe.Sizeof(uintptr(0)) - 1)
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), offset)))
}
