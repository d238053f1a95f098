//go:build linux

package agent

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseAddr(t *testing.T) {
	if little := []byte{1, 0}; nativeUint16(little) != 1 {
		t.Skip("the texts below are those of a little-endian machine")
	}
	for text, want := range map[string]netip.AddrPort{
		"0100007F:0050":                         netip.MustParseAddrPort("127.0.0.1:80"),
		"500200C0:1F90":                         netip.MustParseAddrPort("192.0.2.80:8080"),
		"00000000:0000":                         netip.MustParseAddrPort("0.0.0.0:0"),
		"00000000000000000000000001000000:2328": netip.MustParseAddrPort("[::1]:9000"),
		"0000000000000000FFFF00000500000A:FFFF": netip.MustParseAddrPort("10.0.0.5:65535"), // an IPv4 address in an IPv6 socket
		"B80D0120000000000000000005000000:0050": netip.MustParseAddrPort("[2001:db8::5]:80"),
		"0100007:0050":                          {},
		"zzzzzzzz:0050":                         {},
		"":                                      {},
	} {
		if got := parseAddr(text); got != want && (got.IsValid() || want.IsValid()) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func nativeUint16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }

func TestParseSocket(t *testing.T) {
	const line = "   7: 500200C0:0050 026433C6:C350 01 00000010:0000002A 00:00000000 00000000    33        0 123456 1 0000000000000000 20 4 30 10 -1"
	s, ok := parseSocket(line)
	want := socket{
		local: netip.MustParseAddrPort("192.0.2.80:80"), remote: netip.MustParseAddrPort("198.51.100.2:50000"),
		state: tcpEstablished, unsent: 16, unread: 42, inode: 123456,
	}
	if !ok || s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	for _, bad := range []string{"", "  sl  local_address rem_address   st", "7: 500200C0:0050 026433C6:C350 zz 0:0 0:0 0 33 0 123456"} {
		if s, ok := parseSocket(bad); ok {
			t.Errorf("%q is no socket, got %+v", bad, s)
		}
	}
}

// The kernel's list and its single answer have to say the same of a connection.
func TestSocketsAreFoundAlike(t *testing.T) {
	l, near, far := connected(t)
	if _, err := near.Write([]byte("seven b")); err != nil {
		t.Fatal(err)
	}
	local, remote := far.LocalAddr().(*net.TCPAddr).AddrPort(), far.RemoteAddr().(*net.TCPAddr).AddrPort()

	lists := []*sandbox{{id: "list", tid: os.Getpid()}}
	if diagnosticsWork() {
		d, err := newDiagnostics()
		if err != nil {
			t.Fatal(err)
		}
		defer d.close()
		lists = append(lists, &sandbox{id: "single", tid: os.Getpid(), diag: d})
	}
	nobody := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	for _, c := range lists {
		var s socket
		err := poll(t.Context(), 5*time.Second, func() (found bool, err error) {
			s, found, err = c.tcp(local, remote)
			return found && s.unread == 7, err
		})
		if err != nil || s.state != tcpEstablished || s.inode == 0 || s.local != local || s.remote != remote {
			t.Errorf("%s: got %+v, %v", c.id, s, err)
		}
		if s, found, err := c.tcp(local, nobody); err != nil || !found || s.state != tcpListen {
			t.Errorf("%s: the listener is %+v, found %v, %v", c.id, s, found, err)
		}
		if ok, err := c.tcpListening(local.String()); err != nil || !ok {
			t.Errorf("%s: nothing listens at %v: %v", c.id, local, err)
		}
		if _, err := c.tcpListening("nowhere"); err == nil {
			t.Errorf("%s: what is no address is none to listen at", c.id)
		}
	}
	l.Close()
	for _, c := range lists {
		if ok, err := c.tcpListening(local.String()); err != nil || ok {
			t.Errorf("%s: it listens at %v though it is closed: %v", c.id, local, err)
		}
		if missing, err := c.notListening([]string{local.String()}); err != nil || missing != local.String() {
			t.Errorf("%s: missing is %q, %v", c.id, missing, err)
		}
	}
}

func TestUnixSocketsAreFoundByPath(t *testing.T) {
	dir, err := os.MkdirTemp("", "bg")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	l, err := net.Listen("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	c := &sandbox{tid: os.Getpid()}
	if missing, err := c.notListening([]string{"unix:" + dir + "/s"}); err != nil || missing != "" {
		t.Errorf("missing is %q, %v", missing, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if missing, err := c.notListening([]string{"unix:" + dir + "/s"}); err != nil || missing == "" {
		t.Errorf("a socket's file alone is no listener: %v", err)
	}
}

func TestUntil(t *testing.T) {
	n := 0
	if err := poll(t.Context(), 10*time.Second, func() (bool, error) { n++; return n == 5, nil }); err != nil || n != 5 {
		t.Errorf("asked %d times: %v", n, err)
	}
	broken := errors.New("broken")
	if err := poll(t.Context(), 10*time.Second, func() (bool, error) { return false, broken }); err != broken {
		t.Errorf("got %v", err)
	}
	if err := poll(t.Context(), time.Millisecond, func() (bool, error) { return false, nil }); err != errLimit {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := poll(ctx, time.Hour, func() (bool, error) { cancel(broken); return false, nil }); err != broken {
		t.Errorf("nobody waits for it any more, and it ends with %v", err)
	}
}

func TestScheduleTellsSleepFromStandstill(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	await := func(what string, so func(schedule) bool) {
		t.Helper()
		err := poll(t.Context(), 5*time.Second, func() (bool, error) {
			s, err := scheduleOf(pid)
			return so(s), err
		})
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	await("it sleeps in read()", func(s schedule) bool { return s.asleep && !s.stopped && s.switches > 0 })
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await("it stands still", func(s schedule) bool { return s.stopped && !s.asleep })
	if err := wakeOne(t.Context(), pid, func() error { return unix.Kill(pid, unix.SIGIO) }, poll); err != nil {
		t.Errorf("one that stands still is left alone: %v", err)
	}
	if err := unix.Kill(pid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await("it sleeps again", func(s schedule) bool { return s.asleep })
	in.Close()
	cmd.Wait()
	if _, err := scheduleOf(pid); !os.IsNotExist(err) {
		t.Errorf("of one that has ended: %v", err)
	}
	if err := wakeOne(t.Context(), pid, func() error { return unix.Kill(pid, unix.SIGIO) }, poll); err != nil {
		t.Errorf("one that has ended needs no waking: %v", err)
	}
}

func TestAProcessSleepsOnlyWhenAllItsThreadsDo(t *testing.T) {
	done, turns := make(chan struct{}), make(chan int)
	go func() {
		defer close(turns)
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	// This program's first thread may sleep meanwhile; one of the others does not.
	if (*procFiles)(nil).allAsleep(os.Getpid()) {
		t.Error("a thread that computes was taken for one that sleeps")
	}
	close(done)
	<-turns

	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if err := poll(t.Context(), 5*time.Second, func() (bool, error) { return (*procFiles)(nil).allAsleep(cmd.Process.Pid), nil }); err != nil {
		t.Errorf("it does not sleep: %v", err)
	}
	if (*procFiles)(nil).allAsleep(1 << 30) {
		t.Error("there is no such process")
	}
}

func TestChildrenOf(t *testing.T) {
	// The shell waits for its child.
	cmd := exec.Command("sh", "-c", "sleep 60 & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var children []int
	err := poll(t.Context(), 5*time.Second, func() (bool, error) {
		children = childrenOf(cmd.Process.Pid)
		return len(children) == 1, nil
	})
	if err != nil {
		t.Fatalf("the children are %v: %v", children, err)
	}
	if err := unix.Kill(children[0], unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if got := childrenOf(1 << 30); got != nil {
		t.Errorf("nobody has the children %v", got)
	}
}

// connected is a listener, and the two ends of a connection to it.
func connected(t *testing.T) (l net.Listener, near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return l, near, far
}
