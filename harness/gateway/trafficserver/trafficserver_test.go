package trafficserver

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

const (
	refused   = `1795822936.538 3 198.51.100.2 ERR_CONNECT_FAIL/502 450 GET http://example.com/ - DIRECT/10.0.0.5 text/html 000 1 Connection refused`
	attempted = `20261127.23h42m16s CONNECT: attempt fail [CONNECTION_ERROR] to 10.0.0.5:8080 for host='example.com' ` +
		`connection_result=Connection refused [111] error=Connection refused [111] attempts=0 url='http://10.0.0.5:8080/'`
	warned = `[Nov 27 23:56:22.034] [ET_NET 0] WARNING: SNI (app.internal) not in certificate. Action=Terminate server=10.0.0.5(10.0.0.5)`
)

func TestParseLog_Request(t *testing.T) {
	g := NewWithT(t)
	l, err := ParseLog(refused)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(gateway.LogRecord{
		Time: time.Unix(1795822936, 538e6).UTC(), Level: "error", Code: "ERR_CONNECT_FAIL", Message: "502 Connection refused",
		Client: "198.51.100.2", Request: "GET http://example.com/", Upstream: "10.0.0.5", Raw: refused,
	}))
	for line, want := range map[string][3]string{
		"1795822936.538 3 198.51.100.2 TCP_MISS/502 186 GET http://example.com/ - DIRECT/10.0.0.5 text/plain 502 0 Bad Gateway":            {"error", "TCP_MISS", "502"},
		"1795822936.538 3 198.51.100.2 TCP_MISS/200 3 GET http://example.com/ - PARENT_HIT/10.0.0.5 text/html; charset=utf-8 200 2 OK\r\n": {"info", "TCP_MISS", "200"},
		"1795822936.538 9 198.51.100.2 ERR_READ_ERROR/200 152 GET http://example.com/ - DIRECT/10.0.0.5 - 200 0 OK":                        {"error", "ERR_READ_ERROR", "200"},
		"1795822936.538 9 198.51.100.2 ERR_CLIENT_ABORT/000 0 GET http://example.com/ - EMPTY/10.0.0.5 - 000 0 -":                          {"error", "ERR_CLIENT_ABORT", "000 -"},
		"1795822936.538 9 198.51.100.2 ERR_UNKNOWN/500 5 GET http://example.com/ - NONE/0 text/html 000 0 Cannot find server.":             {"error", "ERR_UNKNOWN", "500 Cannot find server."},
	} {
		l, err := ParseLog(line)
		g.Expect(err).NotTo(HaveOccurred(), line)
		g.Expect([3]string{l.Level, l.Code, l.Message}).To(Equal(want))
	}
}

func TestParseLog_Attempt(t *testing.T) {
	g := NewWithT(t)
	l, err := ParseLog(attempted)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(gateway.LogRecord{
		Time: time.Date(2026, 11, 27, 23, 42, 16, 0, time.UTC), Level: "error", Code: "CONNECT",
		Message: "attempt fail [CONNECTION_ERROR] to 10.0.0.5:8080", Errno: 111, ErrnoText: "Connection refused",
		Upstream: "10.0.0.5:8080", Host: "example.com", Request: "http://10.0.0.5:8080/", Raw: attempted,
	}))
	l, err = ParseLog(`20261127.23h56m28s CONNECT: attempt fail [CONNECTION_ERROR] to 10.0.0.5:8443 for host='example.com' ` +
		`connection_result=ENET_SSL_CONNECT_FAILED [-20104] error=ENET_SSL_CONNECT_FAILED [-20104] attempts=3 url='https://10.0.0.5:8443/'`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{l.Errno, l.ErrnoText}).To(Equal([]any{-20104, "ENET_SSL_CONNECT_FAILED"}))
}

func TestParseLog_Output(t *testing.T) {
	g := NewWithT(t)
	for line, want := range map[string][2]string{
		warned: {"warn", "SNI (app.internal) not in certificate. Action=Terminate server=10.0.0.5(10.0.0.5)"},
		"[Nov 27 23:38:13.797] traffic_server FATAL: remap.config failed to load":                    {"emerg", "remap.config failed to load"},
		"[Nov 27 23:38:13.781] traffic_server WARNING: unable to open cache disk(s): Cache Disabled": {"notice", "unable to open cache disk(s): Cache Disabled"},
		"[Nov 27 23:35:00.968] traffic_server NOTE: Traffic Server is fully initialized.":            {"notice", "Traffic Server is fully initialized."},
	} {
		l, err := ParseLog(line)
		g.Expect(err).NotTo(HaveOccurred(), line)
		g.Expect([2]string{l.Level, l.Message}).To(Equal(want))
	}
	for _, other := range []string{
		"", "Traffic Server 9.2.9 Apr  4 2026 14:52:39 localhost", "20261327.23h42m16s CONNECT: x", "[Nov 27 23:38:13.797] traffic_server OTHER: x",
	} {
		l, err := ParseLog(other)
		g.Expect(err).To(MatchError(ErrForm), other)
		g.Expect(l).To(Equal(gateway.LogRecord{Raw: other}))
	}
}

// Both of its files are written late, and the request's line may come before those of its attempts.
func TestLogged_WaitsForAllLinesOfTheRequest(t *testing.T) {
	const closed = `1795822936.538 2 198.51.100.2 ERR_CONNECT_FAIL/502 472 GET http://example.com/ - DIRECT/10.0.0.5 text/html 000 3 Malformed Server Response Status`
	const well = `1795822936.538 2 198.51.100.2 TCP_MISS/200 72 GET http://example.com/ - DIRECT/10.0.0.5 text/html 200 0 OK`
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"nothing":                      {"", false},
		"attempts alone":               {attempted + "\n" + attempted, false},
		"the request alone":            {refused, false},
		"one of two attempts":          {attempted + "\n" + refused, false},
		"all":                          {attempted + "\n" + attempted + "\n" + refused, true},
		"a warning":                    {warned, false},
		"well":                         {well, true},
		"connected, with a bad answer": {closed, true},
	} {
		if got := logged(ParseLogs(c.text)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRefusal(t *testing.T) {
	const words = "[Nov 27 23:38:13.797] traffic_server FATAL: remap.config failed to load"
	NewWithT(t).Expect(refusal("[Nov 27 23:38:13.796] traffic_server WARNING: x\n" + words + "\nFatal: remap.config failed to load\n")).
		To(Equal([]gateway.LogRecord{{Level: "emerg", Message: "remap.config failed to load", Raw: words}}))
}

func FuzzParseLog(f *testing.F) {
	f.Add(refused)
	f.Add(attempted)
	f.Add(warned)
	f.Fuzz(func(t *testing.T, line string) {
		l, err := ParseLog(line)
		if l.Raw != line || err == nil && !gateway.IsLevel(l.Level) || err != nil && l.Message != "" {
			t.Errorf("%q is %+v, %v", line, l, err)
		}
		logged(ParseLogs(line))
		refusal(line)
	})
}
