//go:build linux

package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func shutdownBoth(fd int) { unix.Shutdown(fd, unix.SHUT_RDWR) }

// gatewayListensAt tells whether the gateway itself would answer at an address: one that it names, or, where it listens
// everywhere, one of the loopback's or the gateway's own.
func (c *cell) gatewayListensAt(at netip.AddrPort) (bool, error) {
	all, err := c.allSockets()
	if err != nil {
		return false, err
	}
	for _, s := range all {
		if s.state != tcpListen || s.local.Port() != at.Port() {
			continue
		}
		if s.local.Addr() == at.Addr() || s.local.Addr().IsUnspecified() && (at.Addr().IsLoopback() || at.Addr() == gatewayAddress) {
			return true, nil
		}
	}
	return false, nil
}

// gatewayAddress is the gateway's own in every cell.
var gatewayAddress = netip.MustParseAddr("192.0.2.80")

// allSockets lists the cell's TCP sockets that are in use.
func (c *cell) allSockets() ([]socket, error) {
	if c.diag == nil {
		return c.sockets()
	}
	return c.diag.all(unix.IPPROTO_TCP)
}

// datagramsUnread is how many bytes lie in the UDP sockets at which the lab answers.
func (c *cell) datagramsUnread() (n int, err error) {
	if c.diag == nil {
		return 0, nil
	}
	all, err := c.diag.all(unix.IPPROTO_UDP)
	for _, s := range all {
		if p := s.local.Port(); p == portNames || p == portOthers {
			n += s.unread
		}
	}
	return n, err
}

// all lists the sockets of the network of one protocol that have an owner.
func (d *diagnostics) all(protocol byte) ([]socket, error) {
	var all []socket
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		request := diagRequest(netip.AddrPort{}, netip.AddrPort{})
		request[0], request[1] = family, protocol
		answers, err := d.conn.Execute(netlink.Message{
			Header: netlink.Header{Type: sockDiagByFamily, Flags: netlink.Request | netlink.Dump},
			Data:   request,
		})
		if err != nil {
			return nil, fmt.Errorf("asking the kernel for all sockets: %w", err)
		}
		for _, a := range answers {
			if len(a.Data) >= diagAnswerBytes {
				all = append(all, diagAnswer(a.Data))
			}
		}
	}
	return all, nil
}

// unixUnread is how much lies unread in the unix sockets of the network, connections that nobody has accepted included. Where
// the kernel does not tell, it says that something does, so that all has to stay as it is for a while.
func (d *diagnostics) unixUnread() (int, error) {
	if d == nil {
		return 1, nil
	}
	// struct unix_diag_req of linux/unix_diag.h
	request := make([]byte, 24)
	request[0] = unix.AF_UNIX
	binary.NativeEndian.PutUint32(request[4:], ^uint32(0)) // every state
	const showQueues, queues = 0x10, 4                     // UDIAG_SHOW_RQLEN, UNIX_DIAG_RQLEN
	binary.NativeEndian.PutUint32(request[12:], showQueues)
	answers, err := d.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: sockDiagByFamily, Flags: netlink.Request | netlink.Dump}, Data: request,
	})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("asking the kernel for the unix sockets: %w", err)
	}
	total := 0
	for _, a := range answers {
		const headBytes = 16 // struct unix_diag_msg
		if len(a.Data) < headBytes {
			continue
		}
		attributes, err := netlink.UnmarshalAttributes(a.Data[headBytes:])
		if err != nil {
			return 0, err
		}
		for _, at := range attributes {
			if at.Type == queues && len(at.Data) >= 4 {
				total += int(binary.NativeEndian.Uint32(at.Data))
			}
		}
	}
	return total, nil
}

// quiet is how a world stands: when it is the same twice with nothing under way, nothing happens until time passes.
type quiet struct {
	unread       int    // bytes that the lab's own ends have not read, and connections that it has not taken
	shape        uint64 // which connections there are
	switches     uint64 // how often the gateway's processes went to sleep
	calls        int
	busy, alarms int
}

// look takes a look; asleep tells whether all the gateway's processes sleep.
func (w *world) look(p *process) (q quiet, asleep bool, err error) {
	select {
	case <-p.ended:
		asleep = true
	default:
		asleep = true
		for _, pid := range append(childrenOf(p.pid), p.pid) {
			s, err := scheduleOf(pid)
			if err != nil {
				continue // it has just ended
			}
			asleep = asleep && (s.asleep || s.stopped)
			q.switches += s.switches
		}
	}
	if !asleep {
		return q, false, nil
	}
	all, err := w.cell.allSockets()
	if err != nil {
		return q, false, err
	}
	busy, waits := w.busy.state()
	for _, s := range all {
		q.shape += s.hash()
		waiting, ours := waits[ends{s.local, s.remote}]
		switch {
		case ours && waiting:
			// What the gateway leaves unread it means to, for it sleeps; what the lab does, it has not come to yet.
			q.unread += s.unread
			if s.state == tcpEstablished || s.state == tcpFinWait1 || s.state == tcpFinWait2 {
				delete(waits, ends{s.local, s.remote})
			}
		case ours:
			delete(waits, ends{s.local, s.remote})
		case s.local.Port() == portAll && s.state == tcpListen:
			q.unread += s.unread
		case s.local.Port() == portAll && s.state == tcpEstablished:
			q.unread++ // accepted, and not yet handed to its owner
		}
	}
	// What is left has been closed by the other end, which its owner is about to read.
	delete(waits, ends{})
	for _, waiting := range waits {
		if waiting {
			q.unread++
		}
	}
	waiting, err := w.cell.datagramsUnread()
	if err != nil {
		return q, false, err
	}
	q.unread += waiting
	if len(w.sockets) > 0 {
		n, err := w.cell.diag.unixUnread()
		if err != nil {
			return q, false, err
		}
		q.unread += n
	}
	q.calls, q.busy, q.alarms = w.calls(), busy, w.cell.clock.pending()
	return q, true, nil
}

// hash tells connections apart; a sum of them does not depend on their order.
func (s socket) hash() uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, s.local, s.remote, s.state)
	return h.Sum64()
}

// rest waits until nothing happens any more in the world until its time passes. Data that nobody reads is one way to
// rest: then all has to stay as it is for a while.
func (w *world) rest(limit time.Duration, done func() bool) (last quiet, err error) {
	p, err := w.cell.process(gatewayProcess)
	if err != nil {
		return last, err
	}
	var since time.Time
	same := 0
	err = until(limit, func() (bool, error) {
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
		if q.unread == 0 && q.busy <= q.alarms {
			return true, nil
		}
		return same > 3 && time.Since(since) > stillFor, nil
	})
	return last, err
}

const (
	// stillFor is how long nothing may have changed where one of the lab's own ends is in the middle of something, such as a
	// write that nobody reads. It is long, as it may just not have had its turn on a busy machine.
	stillFor  = 300 * time.Millisecond
	restLimit = 10 * time.Second
)

// gatewayProcess is the gateway's name among the processes of a cell.
const gatewayProcess = "gateway"
