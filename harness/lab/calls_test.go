package lab

import (
	"testing"

	"github.com/badgateway/badgateway/fakeupstream"
)

func TestServes(t *testing.T) {
	for _, c := range []struct {
		listen, addr string
		want         bool
	}{
		{"10.0.0.5:80", "10.0.0.5:80", true},
		{"10.0.0.5:80", "10.0.0.6:80", false},
		{"10.0.0.5:80", "10.0.0.5:81", false},
		{"0.0.0.0:80", "10.0.0.5:80", true},
		{"[::]:9000", "[::1]:9000", true},
		{"[::]:9000", "127.0.0.1:9000", true},
		{"[::]:9000", "127.0.0.1:9001", false},
		{":80", "10.0.0.5:80", true},
		{"unix:/run/a.sock", "unix:/run/a.sock", true},
		{"unix:/run/a.sock", "unix:/run/b.sock", false},
		{"0.0.0.0:80", "pool", false},
	} {
		if got := serves(c.listen, c.addr); got != c.want {
			t.Errorf("%s serves %s: %v", c.listen, c.addr, got)
		}
	}
}

func TestAccounting_OnlyCallsThatConnectedExplainAConnection(t *testing.T) {
	a := newAccounting()
	if _, known := a.taken(); known {
		t.Error("known, and nobody told whom the gateway called")
	}
	a.called(map[string]int{"10.0.0.5:80": 2, "10.0.0.6:80": 1})
	a.failed("10.0.0.5:80")
	a.saw("10.0.0.5:80", []fakeupstream.ConnectionRecord{{RequestCount: 2}, {}})
	seen, known := a.taken()
	if !known || seen["10.0.0.5:80"] != 2 {
		t.Errorf("seen %v, known %v", seen, known)
	}
	for listen, want := range map[string]int{"10.0.0.5:80": 1, "10.0.0.6:80": 1, "0.0.0.0:80": 2, "10.0.0.7:80": 0} {
		if got := a.connected(listen); got != want {
			t.Errorf("%s: %d calls connected, want %d", listen, got, want)
		}
	}
	a.backgroundStarted()
	if _, known := a.taken(); known {
		t.Error("known, and the gateway may call for the visitors under way")
	}
}
