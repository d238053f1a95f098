package agentapi

import (
	"net"
	"testing"
	"time"
)

// late is a connection whose bytes are on their way for a while.
type late struct {
	net.Conn
	by time.Duration
}

func (l late) Write(b []byte) (int, error) {
	time.Sleep(l.by)
	return l.Conn.Write(b)
}

func TestAwayIsThereAndBack(t *testing.T) {
	const way = 30 * time.Millisecond
	mine, theirs := net.Pipe()
	go func() { _ = new(Server).Serve(late{theirs, way}) }()
	client, err := Dial(late{mine, way})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if away := client.Away(); away < 2*way {
		t.Errorf("%v, where bytes take %v each way", away, way)
	}
	client.Close()
	if away := client.Away(); away != 0 {
		t.Errorf("%v to where nobody is any more", away)
	}
}
