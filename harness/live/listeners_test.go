package live

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/fstest"
)

func TestListeners_OfProcOnlyWhatSsDidNotTell(t *testing.T) {
	m := Machine{
		Files: fstest.MapFS{
			"proc/net/tcp6": {Data: []byte("  sl  local_address rem_address   st\n   0: 00000000000000000000000000000000:0BB9 00000000000000000000000000000000:0000 0A 0:0\n")},
			"proc/net/unix": {Data: []byte("Num RefCount Protocol Flags Type St Inode Path\n0: 00000002 00000000 00010000 0001 01 2702 /run/app.sock\n")},
		},
		Run: func(_ context.Context, _ string, args ...string) (Output, error) {
			if slices.Contains(args, "-Hltn") {
				return Output{Stdout: "LISTEN 0 4096 127.0.0.1:9000 0.0.0.0:*\n"}, nil
			}
			return Output{}, errors.New("it can't be run so")
		},
	}
	l := m.listeners(t.Context(), &Findings{})
	if len(l.tcp) != 1 || l.tcp[0].address.Port() != 9000 {
		t.Errorf("TCP: %+v, and ss told of port 9000 alone", l.tcp)
	}
	if _, there := l.unix["/run/app.sock"]; !there {
		t.Errorf("unix: %+v", l.unix)
	}
}
