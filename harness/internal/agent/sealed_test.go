//go:build linux

package agent

import (
	"net"
	"testing"
)

func TestAnInterfaceThatIsUpOrHasAnAddressLeadsOut(t *testing.T) {
	for _, c := range []struct {
		name      string
		flags     net.Flags
		addresses int
		want      bool
	}{
		{"lo", net.FlagUp | net.FlagLoopback | net.FlagRunning, 2, false},
		{"eth0", net.FlagUp | net.FlagBroadcast, 1, true},
		{"eth0, down", net.FlagBroadcast, 1, true},
		{"eth0, without an address yet", net.FlagUp | net.FlagBroadcast, 0, true},
		{"tunl0", 0, 0, false},
		{"sit0", 0, 0, false},
	} {
		if got := wayOut(c.flags, c.addresses); got != c.want {
			t.Errorf("%s leads out: %v, want %v", c.name, got, c.want)
		}
	}
}
