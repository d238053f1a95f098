package caddy

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

func TestParseLog(t *testing.T) {
	g := NewWithT(t)
	const refused = `{"level":"error","ts":1795809283.5,"logger":"http.log.error","msg":"dial tcp 10.0.0.5:8080: connect: connection refused",` +
		`"request":{"remote_ip":"198.51.100.2","remote_port":"39","proto":"HTTP/1.1","method":"GET","host":"example.com","uri":"/"},"duration":0.1,"status":502}`
	l, err := ParseLog(refused)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(gateway.LogRecord{
		Time: time.Unix(1795809283, 500000000).UTC(), Level: "error", Code: "http.log.error", Message: "dial tcp 10.0.0.5:8080: connect: connection refused",
		Client: "198.51.100.2", Request: "GET / HTTP/1.1", Raw: refused,
	}))

	for text, want := range map[string][2]string{
		`{"level":"error","logger":"http.handlers.reverse_proxy","msg":"reading from backend","error":"unexpected EOF"}`:                         {"error", "reading from backend: unexpected EOF"},
		`{"level":"warn","logger":"http","msg":"server is listening only on the HTTP port"}`:                                                     {"notice", "server is listening only on the HTTP port"},
		`{"level":"error","msg":"net/http: HTTP/1.x transport connection broken: malformed HTTP response \"SSH\""}`:                              {"error", `malformed HTTP response "SSH"`},
		`{"level":"error","msg":"x509: certificate has expired or is not yet valid: current time 2026-11-27T20:02:31Z is after 2001-01-01T00Z"}`: {"error", "x509: certificate has expired or is not yet valid: current time is after 2001-01-01T00Z"},
		`{"level":"fatal","msg":"x"}`: {"emerg", "x"},
	} {
		l, err := ParseLog(text)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect([2]string{l.Level, l.Message}).To(Equal(want))
	}

	for _, other := range []string{"", "{}", "Error: adapting config", `{"level":"loud","msg":"x"}`, `{"level":"error","ts":-1}`} {
		l, err := ParseLog(other)
		g.Expect(err).To(MatchError(ErrForm), other)
		g.Expect(l).To(Equal(gateway.LogRecord{Raw: other}))
	}
}

func TestRefusal(t *testing.T) {
	const words = "Error: adapting config using caddyfile: /etc/caddy/Caddyfile:3: unrecognized directive: foo"
	NewWithT(t).Expect(refusal(`{"level":"info","msg":"using provided configuration"}` + "\n" + words + "\n")).
		To(Equal([]gateway.LogRecord{{Level: "emerg", Message: words, Raw: words}}))
}

func FuzzParseLog(f *testing.F) {
	f.Add(`{"level":"error","ts":1795809283.5,"logger":"http.log.error","msg":"x","request":{"remote_ip":"198.51.100.2"}}`)
	f.Fuzz(func(t *testing.T, line string) {
		l, err := ParseLog(line)
		if l.Raw != line || err == nil && !gateway.IsLevel(l.Level) || err != nil && l.Message != "" {
			t.Errorf("%q is %+v, %v", line, l, err)
		}
		ParseLogs(line)
	})
}
