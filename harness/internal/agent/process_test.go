//go:build linux

package agent

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func TestTailKeepsTheEnd(t *testing.T) {
	var out tail
	if got := out.String(); got != "" {
		t.Errorf("an empty one has %q", got)
	}
	fmt.Fprint(&out, "  first line\n")
	if got := out.String(); got != "first line" {
		t.Errorf("got %q", got)
	}
	fmt.Fprint(&out, strings.Repeat("x", 2*tailBytes), "the end\n")
	got := out.String()
	if !strings.HasSuffix(got, "xthe end") || len(got) > tailBytes {
		t.Errorf("kept %d bytes, ending in %q", len(got), got[len(got)-10:])
	}
	// Half a character at the cut is no reason for an invalid text.
	out = tail{}
	fmt.Fprint(&out, strings.Repeat("ä", tailBytes))
	fmt.Fprint(&out, "z")
	if got := out.String(); !strings.HasPrefix(got, "?ä") || !strings.HasSuffix(got, "äz") {
		t.Errorf("got %q...%q", got[:5], got[len(got)-5:])
	}
}

// What a process printed is its own, and not that of those before it of the same name, whose file goes on.
func TestPrintedIsTheProcessesOwn(t *testing.T) {
	c := &sandbox{dir: t.TempDir()}
	write(t, c.path(agentapi.OutputOf("gateway")), "[emerg] host not found in upstream \"first\"\n", 0o644)
	info, err := os.Stat(c.path(agentapi.OutputOf("gateway")))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{spec: agentapi.ProcSpec{Name: "gateway"}, cell: c, output: info.Size()}
	f, err := c.openOutput("gateway")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, "[emerg] host not found in upstream \"second\"\n")
	if got := p.printed(); got != `[emerg] host not found in upstream "second"` {
		t.Errorf("it printed %q", got)
	}
	fmt.Fprint(f, strings.Repeat("x", 1<<20), "the end")
	if got := p.printed(); len(got) > tailBytes || !strings.HasSuffix(got, "the end") {
		t.Errorf("%d bytes are kept", len(got))
	}
}

func TestTailTakesBothStreamsAtOnce(t *testing.T) {
	var out tail
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 100 {
				fmt.Fprintln(&out, "line")
				_ = out.String()
			}
		})
	}
	wg.Wait()
	if got := strings.Count(out.String(), "line"); got != 200 {
		t.Errorf("%d of 200 lines are there", got)
	}
}
