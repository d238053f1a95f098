//go:build linux

package agent

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// attempts is the account of whom a sandbox's gateway calls. A new connection is seen as the gateway makes it. A request over one
// that was kept shows in what the kernel has counted of that connection.
type attempts struct {
	cell     *sandbox
	listener *connectListener // nil before the gateway was started
	why      string           // why there is none

	mu       sync.Mutex
	thread   *thread         // on which the gateway is started
	made     []*upstreamConn // in order
	open     []*upstreamConn // those that were open when it was last looked, or were made since
	connects map[string]int
	asks     map[*askAttempts]bool // begun and not ended
	ended    *destroyedSockets     // nil until a connection was kept
}

// upstreamConn is a connection that the gateway has made, or tried to.
type upstreamConn struct {
	addr   string
	thread int    // that called connect
	fd     int    // there
	link   string // what names the socket in /proc
	counts sentBytes
}

// askAttempts are what the account was when a client asked.
type askAttempts struct {
	done    <-chan struct{} // of his answer
	first   int             // how many connections had been made
	before  []*upstreamConn // that were open
	others  int             // clients who waited for their answers
	joined  bool            // another one came meanwhile
	held    int             // how many had been made when the gateway had read the request and slept
	unmixed bool            // none of the others can have led to those up to held
	unknown string
}

func newAttempts(c *sandbox) *attempts {
	return &attempts{cell: c, connects: map[string]int{}, asks: map[*askAttempts]bool{}}
}

// start runs what starts the gateway on the thread whose programs are seen to call. That thread is in all of the sandbox's namespaces.
func (t *attempts) start(ctx context.Context, f func() error) error {
	t.mu.Lock()
	if t.thread == nil {
		var err error
		if t.thread, err = startThread(t.cell.life, &t.cell.running, t.enter); err != nil {
			t.mu.Unlock()
			return err
		}
	}
	t.mu.Unlock()
	return t.thread.do(ctx, f)
}

func (t *attempts) enter() error {
	mounts, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/mnt", t.cell.tid))
	if err != nil {
		return fmt.Errorf("opening the mounts of sandbox %s: %w", t.cell.id, err)
	}
	defer mounts.Close()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("making the thread that starts the gateway of sandbox %s: %w", t.cell.id, err)
	}
	if err := unix.Setns(int(t.cell.netns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the network of sandbox %s: %w", t.cell.id, err)
	}
	if err := unix.Setns(int(mounts.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("entering the mounts of sandbox %s: %w", t.cell.id, err)
	}
	t.watch()
	return nil
}

// watch is for the thread on which the gateway is started.
func (t *attempts) watch() {
	l, err := listenForConnects()
	if err != nil {
		t.why = err.Error()
		return
	}
	t.listener = l
	go l.serve(t.add)
}

func (t *attempts) close() {
	if t.listener != nil {
		t.listener.close()
	}
	if t.ended != nil {
		t.ended.close()
	}
}

// add takes one call of connect into the account.
func (t *attempts) add(c connectCall, goOn func() bool) {
	link := ""
	if c.addr != "" && !auxiliary(c.addr) {
		link = socketLink(c.thread, c.fd)
	}
	counts := link != "" && t.cell.isStream(c.thread, c.fd, link)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !goOn() || !counts {
		return
	}
	if slices.ContainsFunc(t.open, func(u *upstreamConn) bool { return u.link == link && u.addr == c.addr }) {
		return // the program asks what became of its connection
	}
	u := &upstreamConn{addr: c.addr, thread: c.thread, fd: c.fd, link: link}
	t.made, t.open = append(t.made, u), append(t.open, u)
	t.connects[c.addr]++
}

// begin is for when a client is about to ask.
func (t *attempts) begin(ctx context.Context, done <-chan struct{}) *askAttempts {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := &askAttempts{done: done, first: len(t.made), held: len(t.made), unmixed: true, unknown: t.why}
	for o := range t.asks {
		select {
		case <-o.done:
			delete(t.asks, o)
		default:
			a.others++
			o.joined = true
		}
	}
	t.asks[a] = true
	t.open = slices.DeleteFunc(t.open, func(u *upstreamConn) bool { return !t.isOpen(u) })
	a.before = slices.Clone(t.open)
	if a.others == 0 && len(a.before) > 0 && a.unknown == "" {
		a.unknown = t.count(ctx, a.before)
	}
	return a
}

// count notes how much was sent over connections that were kept, and says why that can't be known.
func (t *attempts) count(ctx context.Context, kept []*upstreamConn) (unknown string) {
	if slices.ContainsFunc(kept, func(u *upstreamConn) bool { return strings.HasPrefix(u.addr, "unix:") }) {
		return "the gateway keeps connections to a unix socket open, and the kernel does not count what goes over those"
	}
	if t.cell.diag == nil {
		return "the gateway keeps connections open, and the kernel has no sock_diag that counts what goes over them"
	}
	if t.ended == nil { // before they are counted, so that none ends unseen in between
		err := t.cell.inside(ctx, func() (err error) { t.ended, err = newDestroyedSockets(); return err })
		if err != nil {
			return err.Error()
		}
	}
	all, err := t.cell.diag.sent()
	if err != nil {
		return err.Error()
	}
	for _, u := range kept {
		at := slices.IndexFunc(all, func(s sentBytes) bool { return u.link == fmt.Sprintf("socket:[%d]", s.inode) })
		if at < 0 {
			return "a connection to " + u.addr + " ended as it was looked at"
		}
		u.counts = all[at]
	}
	return ""
}

// waits is for when the gateway has read the request of a client, and sleeps.
func (t *attempts) waits(a *askAttempts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a.held, a.unmixed = len(t.made), t.unmixed(a)
}

// unmixed reports whether none of the other clients can have led to a new connection since a client asked: each of them still
// has the one that he had. A request has no two at a time.
func (t *attempts) unmixed(a *askAttempts) bool {
	return a.others == 0 || a.others == len(a.before) && !slices.ContainsFunc(a.before, func(u *upstreamConn) bool { return !t.isOpen(u) })
}

// end is for when the gateway is through with a request.
func (t *attempts) end(a *askAttempts) agentapi.Attempts {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.asks, a)
	var out agentapi.Attempts
	if a.unknown == "" && a.others == 0 {
		out.All, a.unknown = t.used(a.before)
	}
	for _, u := range t.made[a.first:] {
		out.All = append(out.All, agentapi.Attempt{Addr: u.addr})
	}
	mixed := a.held > a.first && !a.unmixed || len(t.made) > a.held && (a.joined || !t.unmixed(a)) ||
		a.others > 0 && a.others < len(a.before) // one that nobody has may be used again
	if a.unknown == "" && mixed {
		a.unknown = "other visitors' requests were under way, and may have led to some of them"
	}
	out.Unknown = a.unknown
	if t.why == "" {
		out.Connects = maps.Clone(t.connects)
	}
	return out
}

// used are the connections over which more was sent since they were counted.
func (t *attempts) used(kept []*upstreamConn) (all []agentapi.Attempt, unknown string) {
	if len(kept) == 0 {
		return nil, ""
	}
	now, err := t.cell.diag.sent()
	if err != nil {
		return nil, err.Error()
	}
	for _, u := range kept {
		at := slices.IndexFunc(now, func(s sentBytes) bool { return s.cookie == u.counts.cookie })
		var sent uint64
		if at >= 0 {
			sent = now[at].sent
		} else if sent, err = t.ended.sent(u.counts.cookie); err != nil {
			return nil, fmt.Sprintf("a connection to %s ended, and the kernel does not say what was sent over it: %v", u.addr, err)
		}
		if sent > u.counts.sent {
			all = append(all, agentapi.Attempt{Addr: u.addr, Kept: true})
		}
	}
	return all, ""
}

// isOpen reports whether a program still has a connection.
func (t *attempts) isOpen(u *upstreamConn) bool {
	if link := socketLink(u.thread, u.fd); link != "" {
		return link == u.link
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", u.thread)); err == nil {
		return false
	}
	// The thread has ended, and others may have its files.
	all, err := t.cell.sockets()
	return err == nil && slices.ContainsFunc(all, func(s socket) bool { return u.link == fmt.Sprintf("socket:[%d]", s.inode) })
}

// auxiliary reports whether an address is that of a service by which libraries look up names, not of an upstream.
func auxiliary(addr string) bool {
	if path, local := strings.CutPrefix(addr, "unix:"); local {
		path = strings.TrimPrefix(path, "/var")
		return strings.HasPrefix(path, "/run/nscd/") || strings.HasPrefix(path, "/run/systemd/")
	}
	_, port, _ := net.SplitHostPort(addr)
	return port == "53"
}

// socketLink names the socket that a program has as a file: "socket:[1234]"; empty when it has none there.
func socketLink(thread, fd int) string {
	link := make([]byte, 64)
	n, err := unix.Readlink(fdPath(thread, fd), link)
	if err != nil || !strings.HasPrefix(string(link[:n]), "socket:[") {
		return ""
	}
	return string(link[:n])
}

func fdPath(thread, fd int) string {
	return "/proc/" + strconv.Itoa(thread) + "/fd/" + strconv.Itoa(fd)
}

// isStream reports whether a socket is one for connections, not for single packets as DNS and syslog use them.
func (c *sandbox) isStream(thread, fd int, link string) bool {
	name := make([]byte, 32)
	n, err := unix.Getxattr(fdPath(thread, fd), "system.sockprotoname", name)
	if err != nil {
		return false
	}
	switch name := strings.TrimRight(string(name[:n]), "\x00"); name {
	case "TCP", "TCPv6", "MPTCP", "MPTCPv6", "UNIX-STREAM":
		return true
	case "UNIX": // of whichever kind, before Linux 5.15
		return c.unixStream(strings.Trim(link, "socket:[]"))
	}
	return false
}

// unixStream reports whether a unix socket of the sandbox's network is of the kind SOCK_STREAM.
func (c *sandbox) unixStream(inode string) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/net/unix", c.tid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 6 && f[6] == inode {
			return f[4] == "0001"
		}
	}
	return false
}
