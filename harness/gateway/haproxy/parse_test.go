package haproxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

func TestParseLog(t *testing.T) {
	g := NewWithT(t)
	const refused = `<3>198.51.100.2:44113 [27/Nov/2026:19:41:00.109] www app/app1 0/0/-1/-1/3004 503 217 - - SC-- 1/1/0/0/3 0/0 "GET / HTTP/1.1"`
	l, err := ParseLog(refused)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(gateway.LogRecord{
		Time: time.Date(2026, 11, 27, 19, 41, 0, 109000000, time.UTC), Level: "error", Code: "SC--", Message: "app/app1 503, 3 retries",
		Client: "198.51.100.2", Server: "www", Request: "GET / HTTP/1.1", Raw: refused,
	}))
	g.Expect(l.String()).To(Equal("[error] SC--: app/app1 503, 3 retries"))

	for line, message := range map[string]string{
		`<6>[2001:db8::1]:1 [27/Nov/2026:19:41:00.109] www~ app/<NOSRV> 0/-1/-1/-1/0 -1 +0 - - CC-- 1/1/0/0/+1 0/0 {a|b} "GET /\" HTTP/1.1"`: "app/<NOSRV> -1, +1 retries",
		`<6>192.0.2.1:1 [27/Nov/2026:19:41:00.109] www app/app1 0/0/0/0/0 200 1 - - ---- 1/1/0/0/1 0/0 "GET / HTTP/1.1"`:                     "app/app1 200, 1 retry",
		`<1>Server app/app1 is DOWN, reason: Layer4 connection problem.`:                                                                     "Server app/app1 is DOWN, reason: Layer4 connection problem.",
	} {
		l, err := ParseLog(line)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(l.Message).To(Equal(message))
	}

	for _, other := range []string{"", "<8>x", "<192>Nov 27 19:41:00 haproxy[7]: x", "[ALERT]    (7) : config : x", "198.51.100.2:1 x"} {
		l, err := ParseLog(other)
		g.Expect(err).To(MatchError(ErrForm), other)
		g.Expect(l).To(Equal(gateway.LogRecord{Raw: other}))
	}
}

func TestParseLogs_BySyslog(t *testing.T) {
	g := NewWithT(t)
	const said = `198.51.100.2:44113 [27/Nov/2026:19:41:00.109] www app/app1 0/0/-1/-1/3004 503 217 - - SC-- 1/1/0/0/3 0/0 "GET / HTTP/1.1"`
	for _, line := range []string{
		"<131>Nov 27 19:41:03 haproxy[7]: " + said, "<131>Nov  7 19:41:03 web-1.example haproxy[7]: " + said,
		"<131>1 2026-11-27T19:41:03.1+00:00 web1 haproxy 7 - - " + said, "<3>" + said,
	} {
		l, err := ParseLog(line)
		g.Expect(err).NotTo(HaveOccurred(), line)
		g.Expect(l.String()).To(Equal("[error] SC--: app/app1 503, 3 retries"), line)
	}
	// Debian's config logs to local0, and from the level notice on to local1 too.
	twice := "<131>Nov 27 19:41:03 haproxy[7]: " + said + "\n<139>Nov 27 19:41:03 haproxy[7]: " + said + "\n"
	g.Expect(ParseLogs(twice)).To(HaveLen(1))
	g.Expect(ParseLogs(twice+twice)).To(HaveLen(2), "another request of the same second")
}

func TestSyslog(t *testing.T) {
	g := NewWithT(t)
	for conf, want := range map[string][2][]string{
		"global\n    log /dev/log local0 # here\n    log /dev/log local1 notice\n    chroot /var/lib/haproxy\ndefaults\n    log global\n": {
			{"unix:/dev/log", "unix:/var/lib/haproxy/dev/log"}, nil,
		},
		"log 127.0.0.1 local2\nlog udp@localhost:1514 len 4096 local3\nlog stdout format short local0\nno log\n": {{"127.0.0.1:514", "127.0.0.1:1514"}, nil},
		"log \"unix@/run/log\" local0\nlog 10.0.0.9:514 local0\nlog logs.internal local0\nlog ring@buf local0\n": {
			{"unix:/run/log"}, {"10.0.0.9:514", "logs.internal", "ring@buf"},
		},
		"log-format \"%ci\"\nlog\n": {nil, nil},
		"log /etc/passwd local0\nlog /dev/null local0\nlog /dev/../etc/hosts local0\n": {nil, {"/etc/passwd", "/dev/null", "/etc/hosts"}},
		"log-forward f\n    dgram-bind 127.0.0.1:514\nlog 127.0.0.1 local0\n":          {nil, {"127.0.0.1"}},
	} {
		heard, lost := syslog(conf)
		g.Expect([2][]string{heard, lost}).To(Equal(want), conf)
	}
	long := "/run/" + strings.Repeat("x", maxPath)
	heard, lost := syslog("log " + long + " local0\n")
	g.Expect([2][]string{heard, lost}).To(Equal([2][]string{nil, {long}}))
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, "log /run/log%d local0\n", i)
	}
	heard, _ = syslog(many.String())
	g.Expect(heard).To(HaveLen(maxTargets))
}

func TestRefusal(t *testing.T) {
	all := refusal("[NOTICE]   (7) : haproxy version is 2.6.12\n[ALERT]    (7) : config : parsing [/etc/haproxy/haproxy.cfg:3] : unknown keyword 'foo'\n")
	NewWithT(t).Expect(all).To(Equal([]gateway.LogRecord{{
		Level: "emerg", Message: "config : parsing [/etc/haproxy/haproxy.cfg:3] : unknown keyword 'foo'",
		Raw: "[ALERT]    (7) : config : parsing [/etc/haproxy/haproxy.cfg:3] : unknown keyword 'foo'",
	}}))
}

func FuzzParseLog(f *testing.F) {
	f.Add(`<3>198.51.100.2:44113 [27/Nov/2026:19:41:00.109] www app/app1 0/0/-1/-1/3004 503 217 - - SC-- 1/1/0/0/3 0/0 "GET / HTTP/1.1"`)
	f.Fuzz(func(t *testing.T, line string) {
		l, err := ParseLog(line)
		if l.Raw != line || err == nil && !gateway.IsLevel(l.Level) || err != nil && l.Message != "" {
			t.Errorf("%q is %+v, %v", line, l, err)
		}
		ParseLogs(line)
	})
}
