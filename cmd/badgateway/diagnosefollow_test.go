package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/scenarios"
)

const refusedLine = `2026/11/28 04:00:00 [error] 1#1: *9 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.9, server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:3000/", host: "x"`

// A cause is told whole once; then how often, when that has doubled, and not within ten seconds.
func TestDiagnoseFollow_TellsAgainWhenCountsDouble(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)
	tell := teller{diagnosing: diagnosing{out: &out, width: 100}, report: scenarios.Book().NewReport(diagnose.Filter{}),
		now: func() time.Time { return now }, told: map[*diagnose.Count]*telling{}}
	come := func(n int, after time.Duration) string {
		out.Reset()
		now = now.Add(after)
		for range n {
			tell.line(diagnose.ReadLine(refusedLine))
		}
		tell.rest()
		return out.String()
	}
	if got := come(1, 0); !strings.Contains(got, "[connection-refused]\nline ") {
		t.Errorf("the first: %q", got)
	}
	for i, step := range []struct {
		n     int
		after time.Duration
		want  string
	}{
		{4, 9 * time.Second, ""},
		{0, time.Second, "04:00:10  connection-refused: 5 by now, 4 more than when last told\n"},
		{4, time.Minute, ""},
		{1, time.Second, "04:01:11  connection-refused: 10 by now, 5 more than when last told\n"},
		{0, time.Hour, ""},
	} {
		if got := come(step.n, step.after); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}

func TestDiagnoseFollow_StandardInput(t *testing.T) {
	t.Parallel()
	follow := func(in io.Reader, words ...string) (string, error) {
		var out bytes.Buffer
		c := root()
		c.SetIn(in)
		c.SetOut(&out)
		c.SetArgs(append([]string{"diagnose", "--follow"}, words...))
		err := c.ExecuteContext(t.Context())
		return out.String(), err
	}
	text, err := follow(strings.NewReader(strings.Repeat(refusedLine+"\n", 3)), "-")
	if err != nil || strings.Count(text, "[connection-refused]") != 2 || !strings.Contains(text, "\nIn all:\n") {
		t.Errorf("%v\n%s", err, text)
	}
	objects, err := follow(strings.NewReader(refusedLine+"\n"+refusedLine+"\n"), "--json")
	if err != nil || strings.Count(objects, `"cause":"connection-refused"`) != 2 || !strings.Contains(objects, `"count":2`) {
		t.Errorf("%v\n%s", err, objects)
	}
	text, err = follow(strings.NewReader("nothing of interest\n"))
	if said := explained(0); !errors.As(err, &said) || exitCode(exitError(err, errInterrupted, nil)) != exitDiffers || !strings.HasPrefix(text, "Not known: 1 line") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := follow(nil, "--live"); err == nil || exitCode(err) != exitBadInput {
		t.Errorf("--live with --follow: %v", err)
	}
	if _, err := follow(nil, fmt.Sprint(t.TempDir(), "/no/such/folder")); err == nil || exitCode(err) != exitBadInput {
		t.Errorf("a folder that is not there: %v", err)
	}
}
