package match_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/match"
	"github.com/badgateway/badgateway/harness/scenario"
)

// expect stands for a test's gomega: it prints failures, so that the examples can show them.
var expect = gomega.NewGomega(func(message string, _ ...int) { fmt.Println(message) }).Expect

func ExampleHaveStatus() {
	answer := httptest.NewRecorder()
	answer.WriteHeader(502)

	expect(answer.Result()).To(match.HaveStatus(502))
	expect(broken).To(match.HaveStatus(504))
	// Output:
	// Expected GET /, asked by 127.9.0.1, to get status 504
	// status: expected 504, came 502
	// The visitor got status 502 after 60.5 s.
	// The log:
	//     [error] connect() failed (111: Connection refused) while connecting to upstream
}

func ExampleHaveNoAnswer() {
	expect(lab.Exchange{NoAnswer: "closed"}).To(match.HaveNoAnswer("closed"))
	// Output:
}

func ExampleBeCut() {
	expect(lab.Exchange{Status: 200, BodyBytes: 4096, Cut: true}).To(gomega.And(match.HaveStatus(200), match.BeCut()))
	// Output:
}

func ExampleHaveLogLine() {
	const log = `2026/01/02 15:04:05 [error] 7#7: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: shop.test, request: "GET / HTTP/1.1", upstream: "http://10.0.0.1:8080/", host: "shop.test"`

	expect(log).To(match.HaveLogLine("connect() failed", match.Phase("connecting to upstream")))
	expect(log).To(match.HaveLogLine(match.Errno(113)))
	// Output:
	// Expected the log to have the line
	//     (113)
	// The nearest is
	//     [error] connect() failed (111: Connection refused) while connecting to upstream
	// but the errno is 111, not 113
	// The log:
	//     [error] connect() failed (111: Connection refused) while connecting to upstream
}

func ExampleHaveOnlyLogLines() {
	expect(broken).To(match.HaveOnlyLogLines(scenario.LogLine{
		Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream",
	}))
	// Output:
}

func ExampleHaveTried() {
	expect(broken).To(match.HaveTried(2))
	// Output:
}

func ExampleHaveTriedPeers() {
	expect(broken).To(match.HaveTriedPeers("10.0.0.1:8080", "10.0.0.2:8080"))
	// Output:
}

func ExampleHaveWaited() {
	minute := lab.Exchange{Status: 504, NotBefore: 59500 * time.Millisecond, Waited: 60500 * time.Millisecond}
	expect(minute).To(match.HaveWaited(60 * time.Second))
	// Output:
}

func ExampleHaveNoAlerts() {
	expect(strings.TrimSpace(`2026/01/02 15:04:06 [alert] 1#1: worker process 7 exited on signal 9`)).To(match.HaveNoAlerts())
	// Output:
	// Expected the log to have no alert
	// The log:
	//     [alert] worker process 7 exited on signal 9
}

func ExampleHavePassed() {
	expect(scenario.Evidence{Scenario: "upstream-stopped", Verdict: scenario.Passed}).To(match.HavePassed())
	// Output:
}
