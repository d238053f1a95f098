//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// gatewayListensAt reports whether the gateway itself would answer at an address: one that it names, or, where it listens
// everywhere, one of the loopback's or the gateway's own.
func (c *sandbox) gatewayListensAt(at netip.AddrPort) (bool, error) {
	nobody := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if at.Addr().Is6() {
		nobody = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	s, found, err := c.tcp(at, nobody)
	if err != nil || !found || s.state != tcpListen {
		return false, err
	}
	return s.local.Addr() == at.Addr() || s.local.Addr().IsUnspecified() && (at.Addr().IsLoopback() || at.Addr() == gatewayAddress), nil
}

// gatewayAddress is the gateway's own in every sandbox.
var gatewayAddress = netip.MustParseAddr("192.0.2.80")

// counted is what the kernel counts of the sandbox's network: what the gateway tries shows there, even where nothing answers.
type counted struct {
	connects uint64 // TCP connections begun and taken
	flying   int64  // IP packets that were sent and have not arrived: on a busy machine the kernel, too, waits for its turn
}

func (c *sandbox) counted() (counted, error) {
	text, err := c.network.read(fmt.Sprintf("/proc/self/task/%d/net/snmp", c.tid))
	if err != nil {
		return counted{}, fmt.Errorf("reading what the network of sandbox %s counts: %w", c.id, err)
	}
	return parseCounted(text), nil
}

// parseCounted reads /proc/net/snmp: for each protocol a line with the names and one with the values.
func parseCounted(text string) (n counted) {
	var names []string
	var requests, transmits, receives uint64
	exact := false
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "Tcp:") && !strings.HasPrefix(line, "Ip:") {
			continue
		}
		fields := strings.Fields(line)
		if names == nil {
			names = fields
			continue
		}
		value := func(i int) uint64 {
			v, _ := strconv.ParseUint(fields[i], 10, 64)
			return v
		}
		for i := 1; i < min(len(names), len(fields)); i++ {
			switch names[i] {
			case "ActiveOpens", "PassiveOpens", "AttemptFails":
				n.connects += value(i)
			case "OutRequests":
				requests = value(i)
			case "OutTransmits": // since Linux 6.7, without what a firewall dropped
				transmits, exact = value(i), true
			case "InReceives":
				receives = value(i)
			}
		}
		names = nil
	}
	if !exact {
		transmits = requests
	}
	n.flying = int64(transmits - receives)
	return n
}

// activity is how a catch-all sandbox stands: when it is the same twice with nothing under way, nothing happens until time passes.
type activity struct {
	unread int // of the lab's own sockets, those that have brought something that nobody has taken yet
	counted
	switches     uint64 // how often the gateway's processes went to sleep
	calls        int
	busy, alarms int
}

// look takes a look; asleep reports whether all the gateway's processes sleep.
func (w *catchAll) look(p *process) (q activity, asleep bool, err error) {
	select {
	case <-p.ended:
	default:
		for _, pid := range append(p.proc.children(p.pid), p.pid) {
			s, err := p.proc.scheduleOfAll(pid)
			if err != nil {
				continue // it has just ended
			}
			if !s.asleep && !s.stopped {
				return q, false, nil
			}
			q.switches += s.switches
		}
		// What a worker has started for a request runs by the machine's clock, also while it waits: until it ends, time stays.
		if w.startedMore(p) {
			return q, false, nil
		}
	}
	if q.counted, err = w.cell.counted(); err != nil {
		return q, false, err
	}
	more, working, waiting := w.busy.state()
	if q.unread, err = ready(waiting, unix.POLLIN|unix.POLLRDHUP); err != nil {
		return q, false, err
	}
	// Whose socket takes nothing more waits for the other end to read.
	writable, err := ready(working, unix.POLLOUT)
	if err != nil {
		return q, false, err
	}
	q.calls, q.busy, q.alarms = w.calls(), more+writable, w.cell.clock.pending()
	return q, true, nil
}

// startedMore reports whether the gateway's workers have processes that they did not have when it came up.
func (w *catchAll) startedMore(p *process) bool {
	w.cell.mu.Lock()
	defer w.cell.mu.Unlock()
	if !p.up {
		return false
	}
	return slices.ContainsFunc(p.proc.grandchildren(p.pid), func(pid int) bool { return !slices.Contains(p.resident, pid) })
}

func (f *procFiles) grandchildren(pid int) (all []int) {
	for _, child := range f.children(pid) {
		all = append(all, f.children(child)...)
	}
	return all
}

// ready is how many of the sockets are ready for one of the events, as in poll(2), or have failed.
func ready(sockets []syscall.Conn, events int16) (int, error) {
	fds := make([]unix.PollFd, 0, len(sockets))
	for _, s := range sockets {
		raw, err := s.SyscallConn()
		if err != nil {
			continue // closed meanwhile
		}
		_ = raw.Control(func(fd uintptr) { fds = append(fds, unix.PollFd{Fd: int32(fd), Events: events}) })
	}
	n, err := unix.Poll(fds, 0)
	if err != nil && err != unix.EINTR {
		return 0, fmt.Errorf("looking at the lab's sockets: %w", err)
	}
	if err != nil {
		return 1, nil // interrupted: not known
	}
	return n, nil
}

// waitQuiescent waits until nothing happens any more in the sandbox until its time passes: all the gateway's processes sleep, and each
// of the lab's own ends waits too, for something to read, for room to write, or for an alarm. A packet that never arrives
// can't be told from one that is late: then all has to stay as it is for a while.
func (w *catchAll) waitQuiescent(ctx context.Context, limit time.Duration, done func() bool) (last activity, err error) {
	p, err := w.cell.process(gatewayProcess)
	if err != nil {
		return last, err
	}
	var since time.Time
	same := 0
	err = pollFast(ctx, limit, func() (bool, error) {
		if done != nil && done() {
			return true, nil
		}
		q, asleep, err := w.look(p)
		if err != nil || !asleep {
			same = 0
			return false, err
		}
		if same == 0 || q != last {
			last, since, same = q, time.Now(), 1
			return false, nil
		}
		same++
		if q.unread > 0 || q.busy > q.alarms {
			return false, nil // it may just not have had its turn, on a busy machine
		}
		return w.landed(q.flying, same, since), nil
	})
	if errors.Is(err, errLimit) {
		err = fmt.Errorf("%w: %s", err, w.restless(p))
	}
	return last, err
}

// restless says what goes on in a sandbox that is not at rest.
func (w *catchAll) restless(p *process) string {
	q, asleep, err := w.look(p)
	switch {
	case err != nil:
		return err.Error()
	case !asleep && w.startedMore(p):
		return "what a worker of the gateway has started still runs"
	case !asleep:
		return "the gateway is at work"
	}
	return fmt.Sprintf("of the lab's own ends %d have something to read and %d are at work, %d of them until a time comes; %d packets are on their way",
		q.unread, q.busy, q.alarms, q.flying)
}

// landed reports whether no packet is on its way any more, after so many looks since then at which all was the same. Those that it takes
// for lost are not waited for again: after a large answer the kernel's counters stay apart for good.
func (w *catchAll) landed(flying int64, looks int, since time.Time) bool {
	if flying == w.lost.Load() {
		return true
	}
	if looks <= 3 || time.Since(since) <= stillFor {
		return false
	}
	w.lost.Store(flying)
	return true
}

const (
	// stillFor is how long nothing may have changed where a packet has not arrived. It is long, as the kernel too may just not
	// have had its turn on a busy machine.
	stillFor  = 300 * time.Millisecond
	restLimit = 10 * time.Second
)

// gatewayProcess is the gateway's name among the processes of a sandbox.
const gatewayProcess = "gateway"
