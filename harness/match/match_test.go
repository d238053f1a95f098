package match_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/match"
	"github.com/badgateway/badgateway/harness/scenario"
)

const logText = `2026/01/02 15:04:05 [notice] 1#1: start worker process 7
2026/01/02 15:04:05 [error] 7#7: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 127.9.0.1, server: , request: "GET / HTTP/1.1", upstream: "http://10.0.0.1:8080/", host: "example.com"
2026/01/02 15:04:06 [alert] 1#1: worker process 7 exited on signal 9
`

var (
	logLines, _ = nginx.ParseLogs(logText)
	refused     = scenario.LogLine{Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream"}
	killed      = scenario.LogLine{Level: "alert", Text: "exited on signal 9"}

	broken = lab.Exchange{
		Visitor: "127.9.0.1", Request: "GET /", Status: 502, Log: logLines[1:2],
		NotBefore: 59500 * time.Millisecond, Waited: 60500 * time.Millisecond,
		Tries: []lab.Try{{Addr: "10.0.0.1:8080"}, {Addr: "10.0.0.2:8080"}},
	}
	silent = lab.Exchange{Visitor: "127.9.0.1", Request: "GET /", NoAnswer: "closed", Cut: true}
	proven = scenario.Evidence{Scenario: "refused", Variant: scenario.Fake, Verdict: scenario.Passed, Broken: broken}
	failed = scenario.Evidence{
		Scenario: "refused", Variant: scenario.Fake, Verdict: scenario.Failed, Broken: broken, Again: "badgateway run refused",
		Differences: []scenario.Difference{{What: "status", Want: "504", Got: "502"}},
	}
)

func TestMatchers(t *testing.T) {
	for name, c := range map[string]struct {
		matcher types.GomegaMatcher
		actual  any
		fails   string // part of the failure; empty when it succeeds
	}{
		"status":             {match.HaveStatus(502), broken, ""},
		"status pointer":     {match.HaveStatus(502), &broken, ""},
		"status evidence":    {match.HaveStatus(502), proven, ""},
		"status int":         {match.HaveStatus(502), 502, ""},
		"status response":    {match.HaveStatus(502), &http.Response{StatusCode: 502}, ""},
		"status recorder":    {match.HaveStatus(200), httptest.NewRecorder(), ""},
		"status differs":     {match.HaveStatus(504), broken, "Expected GET /, asked by 127.9.0.1, to get status 504\nstatus: expected 504, came 502"},
		"status none":        {match.HaveStatus(502), silent, "came no answer, connection closed"},
		"no answer":          {match.HaveNoAnswer("closed"), silent, ""},
		"no answer differs":  {match.HaveNoAnswer("reset"), silent, "expected no answer, connection reset, came no answer, connection closed"},
		"an answer":          {match.HaveNoAnswer("reset"), broken, "came 502"},
		"cut":                {match.BeCut(), silent, ""},
		"whole":              {match.BeCut(), broken, "came a complete answer"},
		"tried":              {match.HaveTried(2), broken, ""},
		"tried another":      {match.HaveTried(1), broken, "expected 1, came 2 (10.0.0.1:8080, 10.0.0.2:8080)"},
		"tried none":         {match.HaveTried(0), broken, "expected 0, came 2"},
		"tried unknown":      {match.HaveTried(0), lab.Exchange{TriesUnknown: "others were under way"}, "they are not known: others were under way"},
		"tried peers":        {match.HaveTriedPeers("10.0.0.1:8080", "10.0.0.2:8080"), broken, ""},
		"tried another peer": {match.HaveTriedPeers("10.0.0.2:8080"), broken, "expected 10.0.0.2:8080, came 10.0.0.1:8080, 10.0.0.2:8080"},
		"waited":             {match.HaveWaited(time.Minute), broken, ""},
		"waited another":     {match.HaveWaited(30 * time.Second), broken, "waited: expected 30 s, came 60.5 s"},

		"line":               {match.HaveLogLine(match.Errno(111), match.Phase("connecting to upstream")), broken, ""},
		"line by text":       {match.HaveLogLine("connect() failed"), logText, ""},
		"line by errno name": {match.HaveLogLine(match.Errno(syscall.Errno(111))), []byte(logText), ""},
		"line in lines":      {match.HaveLogLine(match.Text("start worker")), logLines, ""},
		"line in strings":    {match.HaveLogLine(match.Level("alert"), match.Errno(0), match.Phase("")), strings.Split(logText, "\n"), ""},
		"one line":           {match.HaveLogLine("connect"), logLines[1], ""},
		"line's errno":       {match.HaveLogLine("connect() failed", match.Errno(113)), broken, "The nearest is\n    [error] connect() failed (111: Connection refused) while connecting to upstream\nbut the errno is 111, not 113"},
		"no line at all":     {match.HaveLogLine("x"), "", "The log has no line."},
		"only":               {match.HaveOnlyLogLines(refused), broken, ""},
		"only, of a text":    {match.HaveOnlyLogLines(refused, killed), logText, ""},
		"only, one missing":  {match.HaveOnlyLogLines(refused, killed), broken, "expected [alert] exited on signal 9\n    came     no further line"},
		"only, none":         {match.HaveOnlyLogLines(), broken, "came     [error] connect() failed"},
		"no alerts":          {match.HaveNoAlerts(), broken, ""},
		"no alerts, proven":  {match.HaveNoAlerts(), proven, ""},
		"an alert":           {match.HaveNoAlerts(), logText, "[alert] worker process 7 exited on signal 9"},
		"an alert elsewhere": {match.HaveNoAlerts(), scenario.Evidence{Recovered: lab.Exchange{Log: logLines}}, "exited on signal 9"},
		"passed":             {match.HavePassed(), proven, ""},
		"passed pointer":     {match.HavePassed(), &proven, ""},
		"failed":             {match.HavePassed(), failed, "status\n    expected 504\n    came     502"},
		"lab failed":         {match.HavePassed(), scenario.Evidence{Verdict: scenario.Error, Error: "no engine"}, "The lab failed: no engine"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			ok, err := c.matcher.Match(c.actual)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(ok).To(Equal(c.fails == ""))
			if ok {
				g.Expect(c.matcher.NegatedFailureMessage(c.actual)).To(HavePrefix("Expected "))
				return
			}
			g.Expect(c.matcher.FailureMessage(c.actual)).To(ContainSubstring(c.fails))
		})
	}
}

func TestWrongType(t *testing.T) {
	var none *lab.Exchange
	for name, matcher := range map[string]types.GomegaMatcher{
		"HaveStatus": match.HaveStatus(502), "HaveNoAnswer": match.HaveNoAnswer("reset"), "BeCut": match.BeCut(),
		"HaveTried": match.HaveTried(1), "HaveTriedPeers": match.HaveTriedPeers(), "HaveWaited": match.HaveWaited(0),
		"HaveLogLine": match.HaveLogLine("x"), "HaveOnlyLogLines": match.HaveOnlyLogLines(),
		"HaveNoAlerts": match.HaveNoAlerts(), "HavePassed": match.HavePassed(),
	} {
		for _, actual := range []any{nil, none, 1.5} {
			_, err := matcher.Match(actual)
			if err == nil || !strings.HasPrefix(err.Error(), name+" takes ") {
				t.Errorf("%s of %#v: %v", name, actual, err)
			}
		}
	}
	if _, err := match.HaveLogLine(42).Match(logText); err == nil {
		t.Error("HaveLogLine(42) was accepted")
	}
}

func TestHaveLogLineMisused(t *testing.T) {
	access := "\n198.51.100.2 - - [02/Jan/2026:15:04:05 +0000] \"GET / HTTP/1.1\" 502 157\nmore\n"
	for want, c := range map[string]struct {
		matcher types.GomegaMatcher
		actual  any
	}{
		"needs at least one part": {match.HaveLogLine(), logText},
		"no line of this text is one of a gateway's error log; it begins: 198.51.100.2 - - [02": {match.HaveLogLine("x"), access},
		"no line of this text": {match.HaveOnlyLogLines(), []byte(access)},
	} {
		if _, err := c.matcher.Match(c.actual); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
	if ok, err := match.HaveLogLine("x").Match(""); ok || err != nil {
		t.Errorf("an empty log: %v, %v", ok, err)
	}
}
