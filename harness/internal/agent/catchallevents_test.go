//go:build linux

package agent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Calls are told in the order in which they began, whichever upstream has them: that of a kept connection when it was used again.
func TestNewsAreInOrder(t *testing.T) {
	begins := time.Now()
	var calls []agentapi.UpstreamCall
	for i := range 20 {
		c := agentapi.UpstreamCall{At: fmt.Sprint(i), Record: fakeupstream.ConnectionRecord{Opened: begins.Add(time.Duration(i) * time.Second)}}
		if i%2 == 0 {
			c.Record.Requests = []fakeupstream.RequestRecord{{Started: c.Record.Opened}}
			c.Record.Opened = begins.Add(-time.Duration(i) * time.Second)
		}
		calls = append(calls, c)
	}
	mixed := slices.Clone(calls)
	slices.Reverse(mixed)
	w := &catchAll{names: newNames(), retired: mixed[:9], aside: mixed[9:]}
	for i, c := range w.drain().Calls {
		if c.At != calls[i].At {
			t.Fatalf("call %d is number %s", i, c.At)
		}
	}
}
