package apache

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

func TestParseLog(t *testing.T) {
	g := NewWithT(t)
	const refused = `[Fri Nov 27 05:00:01.123456 2026] [proxy:error] [pid 7:tid 140] (111)Connection refused: AH00957: http: attempt to connect to 10.0.0.5:8080 (10.0.0.5:8080) failed`
	l, err := ParseLog(refused)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(gateway.LogRecord{
		Time: time.Date(2026, 11, 27, 5, 0, 1, 123456000, time.UTC), Level: "error", PID: 7, Errno: 111, ErrnoText: "Connection refused",
		Code: "AH00957", Message: "http: attempt to connect to 10.0.0.5:8080 (10.0.0.5:8080) failed", Upstream: "10.0.0.5:8080", Raw: refused,
	}))
	g.Expect(l.String()).To(Equal("[error] AH00957: http: attempt to connect to 10.0.0.5:8080 (10.0.0.5:8080) failed (111: Connection refused)"))

	l, err = ParseLog(`[Fri Nov  7 05:00:01.123456 2026] [proxy_http:error] [pid 7:tid 140] (104)Connection reset by peer: [client 198.51.100.2:39876] AH01102: error reading status line from remote server 10.0.0.5:8080`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{l.Client, l.Errno, l.Code}).To(Equal([]any{"198.51.100.2", 104, "AH01102"}))

	l, err = ParseLog(`[Fri Nov 27 05:00:01 2026] [core:trace3] [pid 7] [client 2001:db8::1:39876] no code (5)x: y`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{l.Client, l.Level, l.Errno, l.Code, l.Message}).To(Equal([]any{"2001:db8::1", "debug", 0, "", "no code (5)x: y"}))

	l, err = ParseLog(`[Fri Nov 27 05:00:01.123456 2026] [proxy:error] [pid 7:tid 140] (EAI 3)Temporary failure in name resolution: [client 198.51.100.2:39876] AH00898: DNS lookup failure for: app.internal returned by /`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{l.Client, l.Errno, l.ErrnoText, l.Code}).To(Equal([]any{"198.51.100.2", 670003, "Temporary failure in name resolution", "AH00898"}))

	for _, other := range []string{"", "AH00526: Syntax error on line 1 of x:", "2026/01/02 15:04:05 [error] 1#1: x", "[Fri Nov 99 05:00:01 2026] [a:error] [pid 1] x"} {
		l, err := ParseLog(other)
		g.Expect(err).To(MatchError(ErrForm), other)
		g.Expect(l).To(Equal(gateway.LogRecord{Raw: other}))
	}
}

func TestNotConnected(t *testing.T) {
	for line, want := range map[string]string{
		"(111)Connection refused: AH00957: http: attempt to connect to 10.0.0.5:8080 (app.internal:8080) failed":                                 "10.0.0.5:8080",
		"(111)Connection refused: AH00957: http: attempt to connect to [2001:db8::5]:8080 (app.internal:8080) failed":                            "[2001:db8::5]:8080",
		"(2)No such file or directory: AH02454: FCGI: attempt to connect to Unix domain socket /run/php/php8.2-fpm.sock (localhost:8000) failed": "unix:/run/php/php8.2-fpm.sock",
		"[client 198.51.100.2:1] AH01114: HTTP: failed to make connection to backend: 10.0.0.5":                                                  "",
		"(104)Connection reset by peer: [client 198.51.100.2:1] AH01102: error reading status line from remote server 10.0.0.5:8080":             "",
		"AH00959: ap_proxy_connect_backend disabling worker for (10.0.0.6:8080) for 60s":                                                         "",
	} {
		l, err := ParseLog("[Fri Nov 27 05:00:01.123456 2026] [proxy:error] [pid 7:tid 140] " + line)
		if got := notConnected(l); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", line, got, err, want)
		}
	}
}

func TestRefusal(t *testing.T) {
	g := NewWithT(t)
	all := refusal("AH00526: Syntax error on line 3 of /etc/apache2/apache2.conf:\nInvalid command 'Foo'\n")
	g.Expect(all).To(HaveLen(2))
	g.Expect(all[0].Code).To(Equal("AH00526"))
	g.Expect(all[1].Message).To(Equal("Invalid command 'Foo'"))
}

func TestErrorLogs(t *testing.T) {
	NewWithT(t).Expect(errorLogs("ErrorLog \"/a b\"\n  errorlog /var/log/x.log\n#ErrorLog /no\nErrorLog logs/x\n")).To(Equal([]string{"/a", "/var/log/x.log"}))
}

func FuzzParseLog(f *testing.F) {
	f.Add("[Fri Nov 27 05:00:01.123456 2026] [proxy:error] [pid 7:tid 140] (111)Connection refused: [client [::1]:5] AH00957: x")
	f.Fuzz(func(t *testing.T, line string) {
		l, err := ParseLog(line)
		if l.Raw != line || err == nil && !gateway.IsLevel(l.Level) || err != nil && l.Message != "" {
			t.Errorf("%q is %+v, %v", line, l, err)
		}
		ParseLogs(line)
		if low := strings.ToLower(line); numbered.MatchString(low) && Code(low) != "" {
			t.Errorf("%q has a number, and is given %s", line, Code(low))
		}
	})
}
