//go:build linux

package agent

import (
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func TestPacketsAreThoseOfAnAddressAndPort(t *testing.T) {
	if m, err := packets("10.0.0.5:8080", false); err != nil || len(m) != 6 {
		t.Errorf("got %d expressions, %v", len(m), err)
	}
	for to, says := range map[string]string{
		"10.0.0.5":   "the address and port that a firewall rule is for",
		"[::1]:80":   "an IPv4 address, not [::1]:80",
		"app:80":     "the address and port that a firewall rule is for",
		"10.0.0.5:x": "the address and port that a firewall rule is for",
	} {
		if _, err := packets(to, false); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", to, err)
		}
	}
}

func TestRejectionsAreNamedAsByNFT(t *testing.T) {
	for with, code := range map[string]uint8{"icmp-port-unreachable": 3, "icmp-admin-prohibited": 13, "icmp-net-unreachable": 0} {
		if r, err := rejection(with); err != nil || r.Code != code {
			t.Errorf("%s: %+v, %v", with, r, err)
		}
	}
	if _, err := rejection("tcp-resets"); err == nil || !strings.Contains(err.Error(), `"tcp-resets"`) {
		t.Errorf("got %v", err)
	}
}

func TestHostAddr(t *testing.T) {
	for address, want := range map[string]string{"10.0.0.5": "10.0.0.5/32", "2001:db8::5": "2001:db8::5/128"} {
		if a, err := hostAddr(address); err != nil || a.IPNet.String() != want {
			t.Errorf("%s: %v, %v", address, a, err)
		}
	}
	if _, err := hostAddr("10.0.0.0/8"); err == nil {
		t.Error("a network is no host")
	}
}

// networkOfItsOwn is a sandbox with a network of its own, which takes the right to make one.
func networkOfItsOwn(t *testing.T, addresses ...string) *sandbox {
	t.Helper()
	c := &sandbox{id: "c1", undo: map[agentapi.NetSpec]func() error{}}
	made := make(chan error)
	onItsOwn(func() {
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			c.netns, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
	})
	if err := <-made; errors.Is(err, unix.EPERM) {
		t.Skip("a network of its own takes root")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.netns.Close() })
	if err := c.online(func() error { return c.setUpLoopback(addresses) }); err != nil {
		t.Fatal(err)
	}
	return c
}

// Hosts go and come back in any order.
func TestHostsThatAreSwitchedOffInAnyOrder(t *testing.T) {
	c := networkOfItsOwn(t, "198.51.100.1/24", "192.0.2.1", "192.0.2.2", "192.0.2.3")
	a, b, d := agentapi.NetSpec{Kind: "off", To: "192.0.2.1"}, agentapi.NetSpec{Kind: "off", To: "192.0.2.2"}, agentapi.NetSpec{Kind: "off", To: "192.0.2.3"}
	for i, step := range []func() error{
		func() error { return c.breakNet(t.Context(), a) }, func() error { return c.breakNet(t.Context(), b) }, func() error { return c.restoreNet(t.Context(), a) },
		func() error { return c.breakNet(t.Context(), d) }, func() error { return c.breakNet(t.Context(), a) },
		func() error { return c.restoreNet(t.Context(), b) }, func() error { return c.restoreNet(t.Context(), d) }, func() error { return c.restoreNet(t.Context(), a) },
	} {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

// While the kernel asks for a host that is off, which takes the machine's time, the sandbox is not at rest.
func TestWhoAsksForAHostIsNotAtRest(t *testing.T) {
	c := networkOfItsOwn(t, "198.51.100.1/24", "192.0.2.1")
	if err := c.breakNet(t.Context(), agentapi.NetSpec{Kind: "off", To: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	if rests, err := c.resting(t.Context(), agentapi.None{}); err != nil || !rests {
		t.Errorf("before anybody calls it: %t, %v", rests, err)
	}
	called := make(chan error, 1)
	go func() {
		called <- c.online(func() error {
			conn, err := net.Dial("tcp", "192.0.2.1:80")
			if err == nil {
				conn.Close()
			}
			return err
		})
	}()
	if err := pollFast(t.Context(), 5*time.Second, func() (bool, error) { rests, err := c.resting(t.Context(), agentapi.None{}); return !rests, err }); err != nil {
		t.Errorf("it rests while the kernel asks: %v", err)
	}
	if err := <-called; !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("the call ends with %v", err)
	}
	if err := pollFast(t.Context(), 5*time.Second, func() (bool, error) { return c.resting(t.Context(), agentapi.None{}) }); err != nil {
		t.Errorf("it rests no more: %v", err)
	}
}

// What can be broken only in part is left as it was.
func TestHalfABreakIsTakenBack(t *testing.T) {
	c := networkOfItsOwn(t, "198.51.100.1/24", "192.0.2.1")
	h, err := c.netlink()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	// Names are counted: the next one is taken.
	if err := h.LinkAdd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "wire1"}}); err != nil {
		t.Skipf("no kind of link to take the name with: %v", err)
	}
	spec := agentapi.NetSpec{Kind: "off", To: "192.0.2.1"}
	if err := c.breakNet(t.Context(), spec); err == nil {
		t.Fatal("a name is there twice")
	}
	lo, err := h.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.AddrList(lo, netlink.FAMILY_V4)
	if err != nil || !slices.ContainsFunc(all, func(a netlink.Addr) bool { return a.IP.String() == "192.0.2.1" }) {
		t.Errorf("the host is gone: %v, %v", all, err)
	}
	if err := c.breakNet(t.Context(), spec); err != nil {
		t.Errorf("then: %v", err)
	}
	if err := c.breakNet(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "broken in that way already") {
		t.Errorf("twice: %v", err)
	}
}

func TestWhatIsNotBrokenCannotBeMended(t *testing.T) {
	c := &sandbox{id: "c1", undo: map[agentapi.NetSpec]func() error{}}
	spec := agentapi.NetSpec{Kind: "drop", To: "10.0.0.5:80"}
	if err := c.restoreNet(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "not broken in that way (drop 10.0.0.5:80)") {
		t.Errorf("got %v", err)
	}
	undone := 0
	c.undo[spec] = func() error { undone++; return nil }
	if err := c.restoreNet(t.Context(), spec); err != nil || undone != 1 {
		t.Errorf("undone %d times, %v", undone, err)
	}
	if err := c.restoreNet(t.Context(), spec); err == nil {
		t.Error("it is mended once")
	}
	if err := c.breakNet(t.Context(), agentapi.NetSpec{Kind: "earthquake"}); err == nil || !strings.Contains(err.Error(), `unknown kind "earthquake"`) {
		t.Errorf("got %v", err)
	}
}
