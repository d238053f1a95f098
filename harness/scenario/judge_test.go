package scenario

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

var (
	refusedLine = gateway.LogRecord{Level: "error", Message: "connect() failed", Errno: 111, ErrnoText: "Connection refused", Phase: "connecting to upstream"}
	nobodyLine  = gateway.LogRecord{Level: "error", Message: "no live upstreams", Phase: "connecting to upstream"}
	wantRefused = LogLine{Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream"}
	wantNobody  = LogLine{Level: "error", Text: "no live upstreams", Phase: "connecting to upstream"}
)

func TestJudge(t *testing.T) {
	want502 := Expectation{Status: 502, Log: []LogLine{wantRefused}, Tries: 1}
	got502 := lab.Exchange{Status: 502, Log: []gateway.LogRecord{refusedLine}, Tries: []lab.Try{{Addr: "10.0.0.1:80"}}}
	with := func(change func(*Expectation, *lab.Exchange)) (Expectation, lab.Exchange) {
		want, got := want502, got502
		change(&want, &got)
		return want, got
	}
	minute := func(notBefore, waited, real time.Duration) func(*Expectation, *lab.Exchange) {
		return func(want *Expectation, got *lab.Exchange) {
			want.After, got.NotBefore, got.Waited, got.Real = time.Minute, notBefore, waited, real
		}
	}
	until := func(notBefore, waited time.Duration) func(*Expectation, *lab.Exchange) {
		return func(want *Expectation, got *lab.Exchange) {
			want.After, want.Until, got.NotBefore, got.Waited = 20*time.Second, 30*time.Second, notBefore, waited
		}
	}
	for name, c := range map[string]struct {
		change func(*Expectation, *lab.Exchange)
		differ []string // "what: want | got", a part of it
	}{
		"as expected": {func(*Expectation, *lab.Exchange) {}, nil},
		"status":      {func(_ *Expectation, g *lab.Exchange) { g.Status = 504 }, []string{"status: 502 | 504"}},
		"no answer":   {func(_ *Expectation, g *lab.Exchange) { g.Status, g.NoAnswer = 0, "closed" }, []string{"status: 502 | no answer, connection closed"}},
		"another no answer": {func(w *Expectation, g *lab.Exchange) {
			w.Status, w.NoAnswer, g.Status, g.NoAnswer = 0, "reset", 0, "closed"
		}, []string{"status: no answer, connection reset | no answer, connection closed"}},
		"cut":             {func(_ *Expectation, g *lab.Exchange) { g.Cut = true }, []string{"cut: a complete answer | an answer that is cut off"}},
		"page":            {func(w *Expectation, g *lab.Exchange) { w.Page, g.Body = "the edge", "the origin" }, []string{"page: the edge | the origin"}},
		"no page":         {func(w *Expectation, _ *lab.Exchange) { w.Page = "the edge" }, []string{"page: the edge | no page"}},
		"its page":        {func(w *Expectation, g *lab.Exchange) { w.Page, g.Body = "the edge", "<h1>the edge</h1>" }, nil},
		"access log":      {func(w *Expectation, g *lab.Exchange) { w.Access, g.Access = "499", "GET / 200" }, []string{"access log: 499 | GET / 200"}},
		"left":            {func(w *Expectation, g *lab.Exchange) { w.Status, w.NoAnswer, g.Status, g.NoAnswer = 0, "left", 504, "" }, []string{"status: no answer, as the visitor left | 504"}},
		"not cut":         {func(w *Expectation, _ *lab.Exchange) { w.Cut = true }, []string{"cut: an answer that is cut off | a complete answer"}},
		"tries":           {func(w *Expectation, _ *lab.Exchange) { w.Tries = 2 }, []string{"tries: 2 | 1 (10.0.0.1:80)"}},
		"a try of none":   {func(w *Expectation, _ *lab.Exchange) { w.Tries = NoTry }, []string{"tries: 0 | 1 (10.0.0.1:80)"}},
		"none, as wanted": {func(w *Expectation, g *lab.Exchange) { w.Tries, g.Tries = NoTry, nil }, nil},
		"tries left open": {func(w *Expectation, _ *lab.Exchange) { w.Tries = 0 }, nil},
		"slow at once":    {func(_ *Expectation, g *lab.Exchange) { g.Waited = 5 * time.Second }, []string{"waited: at once | 5 s"}},
		"quick at once":   {func(_ *Expectation, g *lab.Exchange) { g.Waited = 4 * time.Second }, nil},

		"moved clock":                        {minute(59500*time.Millisecond, 60500*time.Millisecond, 100*time.Millisecond), nil},
		"moved a second off":                 {minute(59*time.Second, 61*time.Second, 0), nil},
		"moved, busy machine":                {minute(59500*time.Millisecond, 64*time.Second, 3500*time.Millisecond), nil},
		"a timer that is half as long again": {minute(59500*time.Millisecond, 90*time.Second, 29*time.Second), []string{"waited: 60 s | 90 s"}},
		"real wait":                          {minute(0, 60003*time.Millisecond, 60003*time.Millisecond), nil},
		"real, timer early":                  {minute(0, 59990*time.Millisecond, 59990*time.Millisecond), nil},
		"too early":                          {minute(10*time.Second, 11*time.Second, 0), []string{"waited: 60 s | 11 s"}},
		"too late":                           {minute(61*time.Second, 62*time.Second, 0), []string{"waited: 60 s | 62 s"}},
		"still waiting":                      {minute(60500*time.Millisecond, 61*time.Second, 0), []string{"no answer yet at 60.5 s"}},
		"one-sided":                          {minute(0, 60500*time.Millisecond, time.Second), []string{"nothing proves"}},
		"too wide":                           {minute(30*time.Second, 60500*time.Millisecond, 0), []string{"too wide"}},

		"until, in time":   {until(19*time.Second, 28*time.Second), nil},
		"until, too late":  {until(19*time.Second, 32*time.Second), []string{"waited: 20 s to 30 s | 32 s"}},
		"until, too early": {until(10*time.Second, 15*time.Second), []string{"waited: 20 s to 30 s | 15 s"}},
		"until, one-sided": {until(0, 25*time.Second), []string{"nothing proves"}},

		"silent":           {func(_ *Expectation, g *lab.Exchange) { g.Log = nil }, []string{"log: [error] connect() failed (111) while connecting to upstream | no further line"}},
		"an unwanted line": {func(w *Expectation, _ *lab.Exchange) { w.Log = nil }, []string{"log: no further line | [error] connect() failed (111: Connection refused) while"}},
		"another errno": {func(w *Expectation, _ *lab.Exchange) {
			w.Log = []LogLine{{Level: "error", Text: "connect()", Errno: 113, Phase: wantRefused.Phase}}
		}, []string{"the errno is 111, not 113"}},
		"a missing first": {func(w *Expectation, _ *lab.Exchange) { w.Log = []LogLine{wantNobody, wantRefused} },
			[]string{"log: [error] no live upstreams while connecting to upstream | no further line"}},
		"another order": {func(w *Expectation, g *lab.Exchange) {
			w.Log, g.Log = []LogLine{wantNobody, wantRefused}, []gateway.LogRecord{refusedLine, nobodyLine}
		}, []string{"log: ", "log: "}},
		"two of the same": {func(_ *Expectation, g *lab.Exchange) { g.Log = []gateway.LogRecord{refusedLine, refusedLine} }, []string{"log: no further line | "}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Judge(with(c.change))
			if len(got) != len(c.differ) {
				t.Fatalf("%d differences, want %d: %+v", len(got), len(c.differ), got)
			}
			for i, d := range got {
				if text := d.What + ": " + d.Want + " | " + d.Got; !strings.Contains(text, c.differ[i]) {
					t.Errorf("got %q, want %q", text, c.differ[i])
				}
			}
		})
	}
}

func TestLogLine_Differs(t *testing.T) {
	for _, c := range []struct {
		want LogLine
		line gateway.LogRecord
		why  string
	}{
		{wantRefused, refusedLine, ""},
		{LogLine{Text: "failed (111: Connection refused) while", Errno: 111, Phase: wantRefused.Phase}, refusedLine, ""},
		{wantNobody, nobodyLine, ""},
		{LogLine{Level: "crit", Errno: 111, Phase: wantRefused.Phase}, refusedLine, "the level is error, not crit"},
		{LogLine{Text: "recv()", Errno: 111, Phase: wantRefused.Phase}, refusedLine, `the message is "connect() failed", without "recv()"`},
		{LogLine{Phase: wantRefused.Phase}, refusedLine, "the errno is 111, where none was expected"},
		{LogLine{Errno: 111, Phase: wantRefused.Phase}, nobodyLine, "there is no errno, not 111"},
		{LogLine{Errno: 111, Phase: "reading upstream"}, refusedLine, `the phase is "connecting to upstream", not "reading upstream"`},
		{LogLine{Errno: 111}, refusedLine, `the phase is "connecting to upstream", where none was expected`},
		{LogLine{Phase: "x"}, gateway.LogRecord{}, `there is no phase, not "x"`},
	} {
		if got := strings.Join(c.want.Differs(c.line), "; "); got != c.why {
			t.Errorf("%v: got %q, want %q", c.want, got, c.why)
		}
	}
}

func TestJudge_UnknownTriesAreLeftOpen(t *testing.T) {
	g := NewWithT(t)
	want := Expectation{Status: 502, Tries: 1}
	g.Expect(Judge(want, lab.Exchange{Status: 502})).To(HaveLen(1))
	g.Expect(Judge(want, lab.Exchange{Status: 502, TriesUnknown: "others were under way"})).To(BeEmpty())
}
