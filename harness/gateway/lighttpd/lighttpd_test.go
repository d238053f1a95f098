package lighttpd

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

func TestParseLog(t *testing.T) {
	g := NewWithT(t)
	const refused = `2026-11-27 19:54:39: (gw_backend.c.274) establishing connection failed: socket: tcp:127.0.0.1:8080: Connection refused`
	l, err := ParseLog(refused)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(gateway.LogRecord{
		Time: time.Date(2026, 11, 27, 19, 54, 39, 0, time.UTC), Level: "error", Code: "gw_backend.c",
		Message: "establishing connection failed: socket: tcp:127.0.0.1:8080: Connection refused", Raw: refused,
	}))

	l, err = ParseLog(`2026-11-27 19:54:38: (server.c.1704) server started (lighttpd/1.4.69)`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.Level).To(Equal("notice"))

	for _, other := range []string{"", "2026-11-99 19:54:38: x", "Undefined config variable: var.bar"} {
		l, err := ParseLog(other)
		g.Expect(err).To(MatchError(ErrForm), other)
		g.Expect(l).To(Equal(gateway.LogRecord{Raw: other}))
	}
}

func TestRefusal(t *testing.T) {
	g := NewWithT(t)
	all := refusal("Undefined config variable: var.bar\n2026-11-27 19:54:40: (configfile.c.2164) source: /tmp/x.conf line: 2 pos: 0 parser failed\n")
	g.Expect(all).To(HaveLen(2))
	g.Expect(all[0]).To(Equal(gateway.LogRecord{Level: "emerg", Message: "Undefined config variable: var.bar", Raw: "Undefined config variable: var.bar"}))
	g.Expect(all[1].Code).To(Equal("configfile.c"))
}

func FuzzParseLog(f *testing.F) {
	f.Add(`2026-11-27 19:54:39: (gw_backend.c.274) establishing connection failed: socket: tcp:127.0.0.1:8080: Connection refused`)
	f.Fuzz(func(t *testing.T, line string) {
		l, err := ParseLog(line)
		if l.Raw != line || err == nil && !gateway.IsLevel(l.Level) || err != nil && l.Message != "" {
			t.Errorf("%q is %+v, %v", line, l, err)
		}
		ParseLogs(line)
	})
}
