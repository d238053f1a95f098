//go:build linux

package agent

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/wire"
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

func TestWhatIsNotBrokenCannotBeMended(t *testing.T) {
	c := &cell{id: "c1", undo: map[wire.NetSpec]func() error{}}
	spec := wire.NetSpec{Kind: "drop", To: "10.0.0.5:80"}
	if err := c.mendNet(spec); err == nil || !strings.Contains(err.Error(), "not broken in that way (drop 10.0.0.5:80)") {
		t.Errorf("got %v", err)
	}
	undone := 0
	c.undo[spec] = func() error { undone++; return nil }
	if err := c.mendNet(spec); err != nil || undone != 1 {
		t.Errorf("undone %d times, %v", undone, err)
	}
	if err := c.mendNet(spec); err == nil {
		t.Error("it is mended once")
	}
	if err := c.breakNet(wire.NetSpec{Kind: "earthquake"}); err == nil || !strings.Contains(err.Error(), `unknown kind "earthquake"`) {
		t.Errorf("got %v", err)
	}
}
