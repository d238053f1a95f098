package varnish

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

func TestParseLog(t *testing.T) {
	g := NewWithT(t)
	const refused = `b 2026-11-27 20:14:27 503 "GET http://example.com/ HTTP/1.1" - backend app: fail errno 111 (Connection refused)`
	l, err := ParseLog(refused)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(gateway.LogRecord{
		Time: time.Date(2026, 11, 27, 20, 14, 27, 0, time.UTC), Level: "error", Code: "fetch", Message: "503 backend app: fail errno 111 (Connection refused)",
		Request: "GET http://example.com/ HTTP/1.1", Raw: refused,
	}))

	for line, want := range map[string][3]string{
		`b 2026-11-27 20:14:27 502 "GET http://example.com/ HTTP/1.1" - -`:                           {"error", "fetch", "502"},
		`b 2026-11-27 20:14:27 200 "GET http://example.com/ HTTP/1.1" - -`:                           {"info", "fetch", "200"},
		`b 2026-11-27 20:14:27 200 "GET http://example.com/ HTTP/1.1" - straight insufficient bytes`: {"error", "fetch", "200 straight insufficient bytes"},
		`c 2026-11-27 20:14:27 503 "GET http://example.com/ HTTP/1.1" pass -`:                        {"info", "", "503 pass"},
	} {
		l, err := ParseLog(line)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect([3]string{l.Level, l.Code, l.Message}).To(Equal(want))
	}

	for _, other := range []string{"", "Debug: Child (26) Started", `b 2026-99-27 20:14:27 200 "x" - -`} {
		l, err := ParseLog(other)
		g.Expect(err).To(MatchError(ErrForm), other)
		g.Expect(l).To(Equal(gateway.LogRecord{Raw: other}))
	}
}

// What is answered from the cache has no fetch, and what is not has one, whichever line comes first.
func TestLogged(t *testing.T) {
	const client, fetch = "c 2026-11-27 20:14:27 200 \"x\" ", "b 2026-11-27 20:14:27 200 \"x\" - -\n"
	for text, want := range map[string]bool{
		"": false, fetch: false, client + "hit -\n": true, client + "synth -\n": true, client + "pass -\n": false, client + "miss -\n": false,
		client + "miss -\n" + fetch: true, fetch + client + "pass -\n": true,
	} {
		if got := logged(ParseLogs(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestRefusal(t *testing.T) {
	g := NewWithT(t)
	words := func(printed string) (all []string) {
		for _, l := range refusal(printed) {
			all = append(all, l.Message)
		}
		return all
	}
	g.Expect(words("Warnings:\nChange will take effect\nError:\nMessage from VCC-compiler:\nBackend host x could not be resolved:\n    y\n")).
		To(Equal([]string{"Backend host x could not be resolved:"}))
	g.Expect(words("Error: Could not get socket :80: Address already in use\n")).To(Equal([]string{"Could not get socket :80: Address already in use"}))
}

func FuzzParseLog(f *testing.F) {
	f.Add(`b 2026-11-27 20:14:27 503 "GET http://example.com/ HTTP/1.1" - backend app: fail errno 111 (Connection refused)`)
	f.Fuzz(func(t *testing.T, line string) {
		l, err := ParseLog(line)
		if l.Raw != line || err == nil && !gateway.IsLevel(l.Level) || err != nil && l.Message != "" {
			t.Errorf("%q is %+v, %v", line, l, err)
		}
		ParseLogs(line)
	})
}
