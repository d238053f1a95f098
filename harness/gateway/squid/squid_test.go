package squid

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

func TestParseLog(t *testing.T) {
	g := NewWithT(t)
	const refused = `1795810085.433      0 198.51.100.2 TCP_MISS/503 3437 GET http://example.com/ - FIRSTUP_PARENT/10.0.0.5 text/html ERR_CONNECT_FAIL/WITH_SERVER`
	l, err := ParseLog(refused)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(gateway.LogRecord{
		Time: time.Unix(1795810085, 433e6).UTC(), Level: "error", Code: "ERR_CONNECT_FAIL", Message: "TCP_MISS/503 FIRSTUP_PARENT/10.0.0.5",
		Client: "198.51.100.2", Request: "GET http://example.com/", Raw: refused,
	}))

	for line, want := range map[string][3]string{
		"1795810085.433   1000 198.51.100.2 TCP_MISS/502 3437 GET http://example.com/ - FIRSTUP_PARENT/10.0.0.5 text/plain":         {"error", "", "TCP_MISS/502 FIRSTUP_PARENT/10.0.0.5"},
		"1795810085.433   1000 198.51.100.2 TCP_MISS/200 3 GET http://example.com/ - FIRSTUP_PARENT/10.0.0.5 text/plain ERR_NONE/-": {"info", "", "TCP_MISS/200 FIRSTUP_PARENT/10.0.0.5"},
		"1795810085.433   1000 198.51.100.2 TCP_MISS/200 3 GET http://example.com/ - HIER_NONE/- text/plain ERR_READ_TIMEOUT/X":     {"error", "ERR_READ_TIMEOUT", "TCP_MISS/200 HIER_NONE/-"},
		"1795810085.433   1000 198.51.100.2 NONE_NONE/400 3 - error:invalid-request - HIER_NONE/- text/html ERR_INVALID_REQ/X\r\n":  {"error", "ERR_INVALID_REQ", "NONE_NONE/400 HIER_NONE/-"},
	} {
		l, err := ParseLog(line)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect([3]string{l.Level, l.Code, l.Message}).To(Equal(want))
	}

	for _, other := range []string{"", "2026/11/27 20:05:18| Starting Squid Cache", "1795810085.433 x"} {
		l, err := ParseLog(other)
		g.Expect(err).To(MatchError(ErrForm), other)
		g.Expect(l).To(Equal(gateway.LogRecord{Raw: other}))
	}
}

func TestRefusal(t *testing.T) {
	const words = "2026/11/27 20:05:39| FATAL: Don't run Squid as root, set 'cache_effective_user'!"
	NewWithT(t).Expect(refusal("2026/11/27 20:05:39| Current Directory is /\n" + words + "\n")).
		To(Equal([]gateway.LogRecord{{Level: "emerg", Message: "Don't run Squid as root, set 'cache_effective_user'!", Raw: words}}))
}

func FuzzParseLog(f *testing.F) {
	f.Add(`1795810085.433      0 198.51.100.2 TCP_MISS/503 3437 GET http://example.com/ - FIRSTUP_PARENT/10.0.0.5 text/html ERR_CONNECT_FAIL/WITH_SERVER`)
	f.Fuzz(func(t *testing.T, line string) {
		l, err := ParseLog(line)
		if l.Raw != line || err == nil && !gateway.IsLevel(l.Level) || err != nil && l.Message != "" {
			t.Errorf("%q is %+v, %v", line, l, err)
		}
		ParseLogs(line)
	})
}
