package match

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega/types"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// An exchangeMatcher compares one side of an exchange with what was expected.
type exchangeMatcher struct {
	name string
	want string // "to get status 502"
	// differ returns what differs, in words ("status: expected 502, came 504"); empty when nothing does.
	differ func(lab.Exchange) string
	// read takes the exchange out of the actual value; nil for exchangeOf.
	read func(matcher string, actual any) (lab.Exchange, error)

	got   lab.Exchange
	found string
}

func (m *exchangeMatcher) Match(actual any) (bool, error) {
	read := m.read
	if read == nil {
		read = exchangeOf
	}
	var err error
	if m.got, err = read(m.name, actual); err != nil {
		return false, err
	}
	m.found = m.differ(m.got)
	return m.found == "", nil
}

func (m *exchangeMatcher) FailureMessage(any) string {
	return m.message(m.want, m.found)
}

func (m *exchangeMatcher) NegatedFailureMessage(any) string {
	return m.message("not "+m.want, "but that is what came")
}

func (m *exchangeMatcher) message(want, found string) string {
	return fmt.Sprintf("%s %s\n%s\nThe visitor got %s.\n%s", asked(m.got), want, found, answer(m.got), logged(m.got.Log))
}

// judged is what scenario.Judge says about one side of the exchange.
func judged(side string, want scenario.Expectation) func(lab.Exchange) string {
	return func(got lab.Exchange) string {
		var all []string
		for _, d := range scenario.Judge(want, got) {
			if d.What == side {
				all = append(all, fmt.Sprintf("%s: expected %s, came %s", d.What, d.Want, d.Got))
			}
		}
		return strings.Join(all, "\n")
	}
}

// HaveStatus succeeds when the client got exactly this status, of an answer that may be cut off (see [BeCut]). It takes
// an exchange, an [*http.Response], an [*httptest.ResponseRecorder] or an int as well.
func HaveStatus(status int) types.GomegaMatcher {
	return &exchangeMatcher{
		name: "HaveStatus", want: fmt.Sprintf("to get status %d", status),
		differ: judged("status", scenario.Expectation{Status: status}), read: readStatus,
	}
}

func readStatus(matcher string, actual any) (lab.Exchange, error) {
	switch a := actual.(type) {
	case int:
		return lab.Exchange{Status: a}, nil
	case *http.Response:
		if a != nil {
			x := lab.Exchange{Status: a.StatusCode}
			if a.Request != nil && a.Request.URL != nil {
				x.Request = strings.TrimSpace(a.Request.Method + " " + a.Request.URL.String())
			}
			return x, nil
		}
	case *httptest.ResponseRecorder:
		if a != nil {
			return lab.Exchange{Status: a.Code}, nil
		}
	}
	if x, err := exchangeOf(matcher, actual); err == nil {
		return x, nil
	}
	return lab.Exchange{}, wrongType(matcher, "a lab.Exchange, a scenario.Evidence, an *http.Response or an int", actual)
}

// HaveNoAnswer succeeds when the client got no status at all, and the connection ended in this way: "refused",
// "closed" or "reset".
func HaveNoAnswer(how string) types.GomegaMatcher {
	return &exchangeMatcher{
		name: "HaveNoAnswer", want: "to get no answer, with the connection " + how,
		differ: judged("status", scenario.Expectation{NoAnswer: how}),
	}
}

// BeCut succeeds when the answer ended before the length that it declared, or without its last chunk.
func BeCut() types.GomegaMatcher {
	return &exchangeMatcher{
		name: "BeCut", want: "to get an answer that is cut off", differ: judged("cut", scenario.Expectation{Cut: true}),
	}
}

// tries judges them where they are known.
func tries(want string, judge func(lab.Exchange) string) func(lab.Exchange) string {
	return func(got lab.Exchange) string {
		if got.TriesUnknown != "" {
			return fmt.Sprintf("tries: expected %s, and they are not known: %s", want, got.TriesUnknown)
		}
		return judge(got)
	}
}

// HaveTried succeeds when the gateway asked this many peers, each counted as often as it was asked.
func HaveTried(peers int) types.GomegaMatcher {
	expect := scenario.Expectation{Tries: peers}
	if peers == 0 { // which leaves them open
		expect.Tries = scenario.NoTry
	}
	return &exchangeMatcher{
		name: "HaveTried", want: fmt.Sprintf("to be tried at %d peers", peers),
		differ: tries(strconv.Itoa(peers), judged("tries", expect)),
	}
}

// HaveTriedPeers succeeds when the gateway asked exactly these peers in this order, by address
// ("10.0.0.1:8080", "unix:/run/app.sock").
func HaveTriedPeers(addrs ...string) types.GomegaMatcher {
	return &exchangeMatcher{
		name: "HaveTriedPeers", want: "to be tried at " + strings.Join(addrs, ", "),
		differ: tries(strings.Join(addrs, ", "), func(got lab.Exchange) string {
			peers := peersOf(got)
			if slices.Equal(peers, addrs) {
				return ""
			}
			return fmt.Sprintf("tries: expected %s, came %s", strings.Join(addrs, ", "), strings.Join(peers, ", "))
		}),
	}
}

func peersOf(x lab.Exchange) []string {
	peers := make([]string, len(x.Tries))
	for i, t := range x.Tries {
		peers[i] = t.Addr
	}
	return peers
}

// HaveWaited succeeds when it is proven from both sides that the client waited this long, in the gateway's own time:
// the answer was not there at NotBefore, was there at Waited, and the time lies between them; neither is more than a
// second away. Where nobody shortened the wait, it has to have been as long within a second. HaveWaited(0) stands for an
// answer at once, in less than 5 s.
func HaveWaited(d time.Duration) types.GomegaMatcher {
	return &exchangeMatcher{
		name: "HaveWaited", want: "to be answered after " + span(d),
		differ: judged("waited", scenario.Expectation{After: d}),
	}
}
