package diagnose

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/zstd"
)

var some = []Cause{
	{Slug: "refused", Side: Upstream, Says: "refused at {address}", Match: []string{"connect() & failed & #111"}},
	{Slug: "killed", Side: Upstream, Effects: []string{"reset"}, Match: []string{"exited on signal 9"}},
	{Slug: "oom", Side: Kernel, Effects: []string{"killed", "reset"}, Match: []string{"out of memory: killed"}},
	{Slug: "reset", Side: Upstream, Match: []string{"recv() failed & #104"}},
	{Slug: "left", Side: Client, Match: []string{"@access & =499"}},
	{Slug: "page", Side: Gateway, Match: []string{"@page & <center>nginx"}},
}

func testBook(t testing.TB) *Book {
	t.Helper()
	b, err := NewBook(some)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const refusedLine = `2026/01/02 15:04:05 [error] 12#12: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.7, ` +
	`server: s.example, request: "GET /a?token=geheim HTTP/1.1", upstream: "fastcgi://10.0.0.5:9000", host: "s.example"`

func TestReadLine_Unwraps(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"plain": refusedLine, "quoted": "'" + refusedLine + "'", "quotation": "> " + refusedLine, "carriage return": refusedLine + "\r",
		"compose": "nginx-1  | " + refusedLine, "kubectl": "[pod/web-1/nginx] " + refusedLine,
		"docker's time": "2026-01-02T15:04:05.123456789Z " + refusedLine, "CRI": "2026-01-02T15:04:05.123456789Z stderr F " + refusedLine,
		"syslog": "Jan  2 15:04:05 web1 nginx[12]: " + refusedLine, "priority": "<187>Jan  2 15:04:05 web1 nginx: " + refusedLine,
		"docker's JSON": `{"log":` + quote(refusedLine+"\n") + `,"stream":"stderr","time":"2026-01-02T15:04:05Z"}`,
		"journald":      `{"MESSAGE":` + quote(refusedLine) + `,"_SYSTEMD_UNIT":"nginx.service"}`,
		"colours":       "\x1b[31m" + refusedLine + "\x1b[0m", "HTML": strings.NewReplacer(`"`, "&quot;", ">", "&gt;").Replace(refusedLine),
		"escaped": strings.ReplaceAll(refusedLine, `"`, `\"`), "grep": "/var/log/nginx/error.log:" + refusedLine,
		"macOS": strings.Replace(refusedLine, "111: Connection", "61: Connection", 1), "Windows": strings.Replace(refusedLine, "111: Connection refused", "10061: Es konnte keine Verbindung", 1),
	} {
		l := ReadLine(text)
		if l.Errno != 111 || l.Address != "10.0.0.5:9000" || l.Scheme != "fastcgi" || l.Route != "GET /a" {
			t.Errorf("%s: errno %d, address %q, scheme %q, route %q, text %q", name, l.Errno, l.Address, l.Scheme, l.Route, l.Text)
		}
	}
}

func quote(s string) string { return `"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`).Replace(s) + `"` }

func TestScan_PackedAndMixed(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(refusedLine + "\n"))
	_ = z.Close()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	in := zipped.String() + refusedLine + "\n" + zipped.String() + string(e.EncodeAll([]byte(refusedLine+"\n"), nil))
	n := 0
	if err := Scan(strings.NewReader(in), "mixed", func(l *Line) bool {
		if l.Errno == 111 {
			n++
		}
		return true
	}); err != nil || n != 4 {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestScan_IsBounded(t *testing.T) {
	t.Parallel()
	if err := Scan(bytes.NewReader(make([]byte, 1<<16)), "zeros", func(*Line) bool { return true }); !errors.Is(err, ErrBinary) {
		t.Errorf("zeros: %v", err)
	}
	long := strings.Repeat("x", 8<<20) + "\n" + refusedLine
	n := 0
	if err := Scan(strings.NewReader(long), "long", func(l *Line) bool {
		if n++; len(l.Text) > longest {
			t.Errorf("a line of %d bytes", len(l.Text))
		}
		return true
	}); err != nil || n != 2 {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestReport_JoinsLogs(t *testing.T) {
	t.Parallel()
	r := testBook(t).NewReport(Filter{})
	for name, text := range map[string]string{
		"nginx.log":  strings.Replace(refusedLine, "connect() failed (111: Connection refused) while connecting to", "recv() failed (104: Connection reset by peer) while reading response header from", 1),
		"fpm.log":    "[02-Jan-2026 15:04:05] WARNING: [pool www] child 7 exited on signal 9 (SIGKILL) after 3 seconds from start",
		"kernel.log": "Jan  2 16:04:04 web1 kernel: Out of memory: Killed process 7 (php-fpm)", // in another zone
	} {
		if err := r.Read(strings.NewReader(text), name); err != nil {
			t.Fatal(err)
		}
	}
	r.Finish()
	if len(r.Incidents) != 1 || r.Causes[0].Cause.Slug != "oom" || len(r.Incidents[0].Effects) != 2 || r.Skews["kernel.log"] != -time.Hour {
		t.Errorf("%d incidents, first %s, skews %v", len(r.Incidents), r.Causes[0].Cause.Slug, r.Skews)
	}
}

func TestMask_TakesSecretsOut(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"GET /a?token=geheim HTTP/1.1", "Authorization: Bearer geheimgeheim", "Cookie: sid=geheim; a=geheim", "https://u:geheim@host/", `"password":"geheim"`, "/x?api_key=geheim&b=1",
		"X-Api-Key: geheim", "proxy-authorization: Basic geheim",
	} {
		if got := Mask(s); strings.Contains(got, "geheim") {
			t.Errorf("%s became %s", s, got)
		}
	}
}

func TestFill_PutsNothingOfAStrangerIntoCommands(t *testing.T) {
	t.Parallel()
	l := ReadLine(strings.Replace(refusedLine, "10.0.0.5:9000", "$(reboot):9000", 1))
	if got := Fill("nc -vz {host} {port}", l); strings.Contains(got, "reboot") {
		t.Error(got)
	}
	if got := Fill("{proxy}_read_timeout at {address}", ReadLine(refusedLine)); got != "fastcgi_read_timeout at 10.0.0.5:9000" {
		t.Error(got)
	}
}

func FuzzReadLine(f *testing.F) {
	f.Add(refusedLine)
	f.Add(`{"log":"x","time":"2026-01-02T15:04:05Z"}`)
	b := testBook(f)
	f.Fuzz(func(_ *testing.T, text string) {
		l := ReadLine(text)
		_ = b.Candidates(l)
		_ = Sentence("{address} {name} {host}", l)
		_ = Echo(text)
	})
}

func FuzzReadPage(f *testing.F) {
	f.Add("< HTTP/1.1 502 Bad Gateway\n<html><center>nginx</center>")
	f.Fuzz(func(_ *testing.T, text string) { _ = ReadPage(text) })
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(refusedLine))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0})
	f.Add([]byte(`{"log":{"creator":{},"entries":[{"response":{"status":502}}]}}`))
	b := testBook(f)
	f.Fuzz(func(_ *testing.T, in []byte) {
		r := b.NewReport(Filter{})
		_ = r.Read(bytes.NewReader(in), "fuzz")
		r.Finish()
	})
}

// What was read before a line must not change what is read from it.
func FuzzScanAgain(f *testing.F) {
	f.Add(refusedLine, strings.Replace(refusedLine, "111: Connection refused", "110: Connection timed out", 1))
	f.Add(refusedLine, strings.ToUpper(refusedLine))
	f.Add(`{"status":502}`, "[error] 1#1: *1 no live upstreams while connecting to upstream, client: a, server: b")
	f.Fuzz(func(t *testing.T, before, text string) {
		if strings.ContainsAny(before+text, "\r\n") || len(text) > 2000 {
			return
		}
		alone, m := ReadLine(text), &memory{}
		for _, s := range []string{before, text, before, text} {
			l := &Line{}
			if l.read(s, m); s == text && (l.low != alone.low || l.Errno != alone.Errno || l.told != alone.told) {
				t.Errorf("%q after %q: want %q (%d), got %q (%d)", text, before, alone.low, alone.Errno, l.low, l.Errno)
			}
		}
	})
}

func FuzzParsePattern(f *testing.F) {
	f.Add("connecting to & ^worker & !unix: & ~\\bpid \\d+ & #110,60 & =502,504 & *SC,sC & @nginx-error & %70", refusedLine)
	f.Add("@envoy & *-", refusedLine)
	f.Fuzz(func(t *testing.T, pattern, text string) {
		p, err := parsePattern(pattern)
		if (p == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", pattern, p, err)
		}
		if err != nil {
			return
		}
		l := ReadLine(text)
		found := false
		newIndex([]*rule{{p, &Cause{}}}).found(l.low, func(*rule) { found = true })
		if p.fits(l) && p.anchor != "" && !found {
			t.Errorf("%q fits %q, and the index does not find it", pattern, l.low)
		}
	})
}

func FuzzMask(f *testing.F) {
	f.Add("GET /a", "&b=c")
	f.Add("Cookie: a=b", ", client: 10.0.0.7")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "s3cr3tS3cr3tS3cr3t"
		if strings.Contains(before+after, secret[:4]) {
			return
		}
		for _, key := range []string{"\nAuthorization: Bearer ", "\nCookie: sid=", " /?access_token=", "\nX-Api-Key: "} {
			if got := Mask(before + key + secret + " " + after); strings.Contains(got, secret) {
				t.Errorf("%q is there in %q", secret, got)
			}
		}
	})
}

func TestScan_HandsLinesOnInOrder(t *testing.T) {
	var in strings.Builder
	const lines = 5*batchLines + 7
	for i := range lines {
		fmt.Fprintf(&in, "2026/11/28 00:04:45 [error] 43#43: *%d connect() failed (111: Connection refused) while connecting to upstream\n", i+1)
	}
	n := 0
	if err := Scan(strings.NewReader(in.String()), "error.log", func(l *Line) bool {
		n++
		if l.Number != n || l.Errno != 111 || !strings.Contains(l.Text, fmt.Sprintf("*%d ", n)) {
			t.Errorf("line %d is number %d: %s", n, l.Number, l.Text)
		}
		return true
	}); err != nil || n != lines {
		t.Errorf("%d lines of %d, %v", n, lines, err)
	}
}

func TestScan_StopsWhenAsked(t *testing.T) {
	n := 0
	if err := Scan(strings.NewReader(strings.Repeat("a line\n", 10*batchLines)), "a", func(*Line) bool { n++; return n < 3 }); err != nil || n != 3 {
		t.Errorf("called %d times, %v", n, err)
	}
}

// endless is a stream without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "a line\n"[i%7]
	}
	return len(p) - len(p)%7, nil
}

func TestScan_ReadsNoFurtherThanAsked(t *testing.T) {
	done := make(chan error, 1)
	go func() { done <- Scan(endless{}, "a", func(*Line) bool { return false }) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it reads on")
	}
}

func TestHasFlags(t *testing.T) {
	for _, c := range []struct {
		flags, want string
		has         bool
	}{{"SC--", "SC", true}, {"SC--", "SC--", true}, {"URX", "URX", true}, {"UF", "UF", true}, {"URX", "U", false}, {"SH--", "SC", false}, {"SC", "SC--", false}} {
		if got := hasFlags(c.flags, c.want); got != c.has {
			t.Errorf("%s has %s: %v", c.flags, c.want, got)
		}
	}
}

func TestStatusFor_IsThatOfTheLinesGateway(t *testing.T) {
	c := &Cause{Status: 502, Shown: []Shown{
		{Gateway: "nginx", Scheme: "http", Status: 502},
		{Gateway: "apache", Scheme: "http", Status: 503}, {Gateway: "apache", Scheme: "http", Status: 200},
		{Gateway: "apache", Scheme: "fastcgi", Status: 504},
		{Gateway: "haproxy", Scheme: "http"},
	}}
	for name, l := range map[string]struct {
		line Line
		want int
	}{
		"nginx's":                     {Line{Gateway: "nginx"}, 502},
		"nobody's":                    {Line{}, 502},
		"the line has it":             {Line{Gateway: "apache", Status: 500}, 500},
		"one that is no failure":      {Line{Gateway: "nginx", Status: 200}, 502},
		"Apache's, by HTTP":           {Line{Gateway: "apache", Scheme: "http"}, 503},
		"Apache's, by FastCGI":        {Line{Gateway: "apache", Scheme: "fastcgi"}, 504},
		"Apache's, by who knows what": {Line{Gateway: "apache"}, 0},
		"not measured":                {Line{Gateway: "haproxy"}, 0},
		"not in the lab":              {Line{Gateway: "envoy"}, 0},
	} {
		if got := c.StatusFor(&l.line); got != l.want {
			t.Errorf("%s: %d, want %d", name, got, l.want)
		}
	}
}

func TestReadLine_OfApacheWithoutItsBeginning(t *testing.T) {
	for text, scheme := range map[string]string{
		"[proxy:error] (111)Connection refused: AH00957: HTTP: attempt to connect to 10.0.0.5:80 failed": "http",
		"[proxy_fcgi:error] AH01079: failed to make connection to backend: 10.0.0.5":                     "fastcgi",
		"[proxy_http:error] AH01114: HTTP: failed to make connection to backend: 10.0.0.5":               "http",
	} {
		if l := ReadLine(text); l.Gateway != "apache" || l.Scheme != scheme {
			t.Errorf("%s: %s, %q", text, l.Gateway, l.Scheme)
		}
	}
}

// What asks the upstream itself speaks its protocol, and reaches it where it is.
func TestAsk(t *testing.T) {
	line := func(upstream string) *Line {
		return ReadLine(`2026/11/20 10:02:37 [error] 31#31: *9 upstream prematurely closed connection while reading upstream, client: 192.0.2.1, ` +
			`server: x, request: "GET /a/b?token=1 HTTP/1.1", upstream: "` + upstream + `", host: "x"`)
	}
	for upstream, want := range map[string]string{
		"http://10.0.0.5:80/app/b?token=1":    "curl -si http://10.0.0.5:80/app/b",
		"http://10.0.0.5:80/$(reboot)":        "curl -si http://10.0.0.5:80/a/b",
		"https://[fd00::1]:8443/a/b":          "curl -si -k https://[fd00::1]:8443/a/b",
		"http://unix:/run/gunicorn.sock:/a/b": "curl -si --unix-socket /run/gunicorn.sock http://localhost/a/b",
		"fastcgi://127.0.0.1:9000":            "SCRIPT_FILENAME=FILE REQUEST_METHOD=GET cgi-fcgi -bind -connect 127.0.0.1:9000",
		"fastcgi://unix:/run/php/fpm.sock:":   "SCRIPT_FILENAME=FILE REQUEST_METHOD=GET cgi-fcgi -bind -connect /run/php/fpm.sock",
		"uwsgi://unix:/run/app.sock:":         "uwsgi_curl /run/app.sock /a/b",
		"grpc://10.0.0.5:50051":               "grpcurl -plaintext 10.0.0.5:50051 SERVICE/METHOD",
		"memcached://10.0.0.5:11211":          `printf 'get KEY\r\n' | nc 10.0.0.5 11211`,
		"scgi://unix:/run/scgi.sock:":         "the same request to /run/scgi.sock by SCGI",
		"http://10.0.0.5:80;reboot/a":         "curl -si http://ADDRESS/a",
	} {
		if got := Fill("{ask -si}", line(upstream)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", upstream, got, want)
		}
	}
	if got := Fill("{ask http -v}", line("fastcgi://10.0.0.5:80")); got != "curl -v http://10.0.0.5:80/a/b" {
		t.Errorf("a scheme that is named: %s", got)
	}
	if got := Fill("{capture}", line("fastcgi://unix:/run/php/fpm.sock:")); !strings.HasPrefix(got, "strace ") {
		t.Errorf("tcpdump sees no unix socket: %s", got)
	}
	if got := Fill("{capture}", line("fastcgi://127.0.0.1:9000")); got != "tcpdump -X port 9000" {
		t.Errorf("of an address: %s", got)
	}
	if got := Fill("{ask -N}", &Line{}); got != "curl -N http://ADDRESS/PATH" {
		t.Errorf("of no line: %s", got)
	}
}

// A server that HAProxy names by its label is said so in a sentence, and no command connects to a label.
func TestLabel(t *testing.T) {
	l := &Line{Address: "app/app1", Gateway: "haproxy"}
	if got := Fill("nc {host} {port}, {ask -i}", l); got != "nc HOST PORT, curl -i http://ADDRESS/PATH" {
		t.Errorf("command: %s", got)
	}
	if got := Sentence("the upstream at {address} closed", l); got != "The upstream at app/app1 closed" {
		t.Errorf("sentence: %s", got)
	}
}

// Syslog's times have no year: a span of them has two ends, and --since asks for the last such time.
func TestReport_TakesTimesWithoutAYear(t *testing.T) {
	now := time.Now().UTC()
	line := func(at time.Time) *Line {
		return ReadLine(at.Format("Jan _2 15:04:05") + " web1 nginx[1]: connect() failed (111: Connection refused)")
	}
	r := testBook(t).NewReport(Filter{Since: now.Add(-2 * time.Hour), Until: now.Add(2 * time.Hour)})
	for _, ago := range []time.Duration{30 * 24 * time.Hour, time.Hour, time.Minute} {
		r.Add(line(now.Add(-ago)))
	}
	r.Finish()
	if len(r.Causes) != 1 || r.Causes[0].N != 2 || r.Left != 1 {
		t.Fatalf("of 3 lines, 2 of them of the last two hours: %+v, %d left out", r.Causes, r.Left)
	}
	if c := r.Causes[0]; c.Last.IsZero() || c.Last.Format("15:04:05") != now.Add(-time.Minute).Format("15:04:05") {
		t.Errorf("first %v, last %v", c.First, c.Last)
	}
}

// What can't be read is no empty file.
func TestScan_TellsOfAnErrorBeforeTheFirstByte(t *testing.T) {
	if err := Scan(iotest.ErrReader(errors.New("is a directory")), "x", func(*Line) bool { return true }); err == nil {
		t.Error("no error")
	}
}

// That one upstream fails is no reason for another of the same gateway's to fail; that all of a pool rest is.
func TestReport_KeepsApartWhatIsOfTwoUpstreams(t *testing.T) {
	b, err := NewBook([]Cause{
		{Slug: "refused", Side: Upstream, Match: []string{"connect() & failed & #111"}, Effects: []string{"closed", "none-left"}},
		{Slug: "closed", Side: Upstream, Match: []string{"prematurely closed"}},
		{Slug: "none-left", Side: Upstream, Match: []string{"no live upstreams"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	line := func(what, upstream string) string {
		return `2026/01/02 15:04:05 [error] 12#12: *3 ` + what + ` while connecting to upstream, client: 10.0.0.7, server: s, request: "GET / HTTP/1.1", upstream: "http://` +
			upstream + `", host: "s"` + "\n"
	}
	refused := line("connect() failed (111: Connection refused)", "10.0.0.5:80/")
	for second, want := range map[string]int{
		line("upstream prematurely closed connection", "10.0.0.6:80/"): 0,
		line("upstream prematurely closed connection", "10.0.0.5:80/"): 1,
		line("upstream prematurely closed connection", "10.0.0.5/"):    1, // Apache names some without their port
		line("upstream prematurely closed connection", "10.0.0.6/"):    0,
		line("no live upstreams", "pool/"):                             1,
	} {
		r := b.NewReport(Filter{})
		if err := r.Read(strings.NewReader(refused+second), "error.log"); err != nil {
			t.Fatal(err)
		}
		r.Finish()
		if len(r.Incidents) != want {
			t.Errorf("%d incidents, want %d:\n%s%s", len(r.Incidents), want, refused, second)
		}
	}
}

// An app server that does not start is a reason of what fails by its protocol, and Apache's workers are told apart by their names.
func TestReport_KeepsApartWhatIsOfTwoProtocolsOrWorkers(t *testing.T) {
	b, err := NewBook([]Cause{
		{Slug: "not-started", Side: Config, Scheme: "fastcgi", Match: []string{"fpm initialization failed"}, Effects: []string{"refused", "no-connection"}},
		{Slug: "refused", Side: Upstream, Match: []string{"ah00957"}, Effects: []string{"no-connection"}},
		{Slug: "no-connection", Side: Upstream, Match: []string{"failed to make connection to backend"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const (
		fpm     = "[02-Jan-2026 15:04:05] ERROR: FPM initialization failed\n"
		refused = "[Fri Jan 02 15:04:06.000000 2026] [proxy:error] [pid 7] (111)Connection refused: AH00957: %s: attempt to connect to 10.0.0.5:9000 (%s) failed\n"
		none    = "[Fri Jan 02 15:04:06.000000 2026] [proxy_http:error] [pid 7] [client 10.0.0.7:4000] AH01114: HTTP: failed to make connection to backend: %s\n"
	)
	for name, l := range map[string]struct {
		root, effect string
		want         int
	}{
		"FastCGI, and PHP-FPM is down": {fpm, fmt.Sprintf(refused, "FCGI", "*"), 1},
		"HTTP, and PHP-FPM is down":    {fpm, fmt.Sprintf(refused, "HTTP", "shop"), 0},
		"HTTP without an address":      {fpm, fmt.Sprintf(none, "shop"), 0},
		"the same worker":              {fmt.Sprintf(refused, "HTTP", "shop:9000"), fmt.Sprintf(none, "shop"), 1},
		"another worker":               {fmt.Sprintf(refused, "HTTP", "shop:9000"), fmt.Sprintf(none, "billing"), 0},
		"a worker without a name":      {fmt.Sprintf(refused, "HTTP", "*"), fmt.Sprintf(none, "billing"), 1},
	} {
		r := b.NewReport(Filter{})
		if err := r.Read(strings.NewReader(l.root+l.effect), "error.log"); err != nil {
			t.Fatal(err)
		}
		r.Finish()
		if len(r.Incidents) != l.want {
			t.Errorf("%s: %d incidents, want %d", name, len(r.Incidents), l.want)
		}
	}
}

// The text of a page, copied without its markup, is one; a log that begins with such words is none.
func TestScan_TakesTheCopyOfAPageWhole(t *testing.T) {
	for text, lines := range map[string]int{
		"502 Bad Gateway\nnginx/1.18.0\n":                                        1,
		"\n  Service Unavailable\n\nTry again later.\n2026-01-02 15:04:05 UTC\n": 1,
		"ERREUR\nLe système a retourné : (111) Connection refused\n":             1,
		"502 Bad Gateway\n":                      1,
		"502 Bad Gateway\n" + refusedLine + "\n": 2,
		"Error: no answer\n    at main (app.js:1:2)\n2026-01-02T15:04:05Z GET /a 502 12 ms\n": 3,
		"connecting\nretrying\n": 2,
	} {
		n := 0
		if err := Scan(strings.NewReader(text), "x", func(*Line) bool { n++; return true }); err != nil {
			t.Fatal(err)
		}
		if n != lines {
			t.Errorf("%d lines, want %d:\n%s", n, lines, text)
		}
	}
}

// Who made a page is said first where the page has no reason.
func TestCandidates_AReasonComesBeforeItsSpeaker(t *testing.T) {
	b, err := NewBook([]Cause{
		{Slug: "page", Side: Gateway, Speaker: true, Match: []string{"apache & %95"}},
		{Slug: "no-name", Side: DNS, Match: []string{"dns lookup failure & %85"}},
		{Slug: "closed", Side: Upstream, Match: []string{"error reading & %70"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"Apache: DNS lookup failure": "no-name", "Apache: error reading": "page", "Apache": "page"} {
		if all := b.Candidates(ReadLine(text)); all[0].Cause.Slug != want {
			t.Errorf("%s: %s", text, all[0].Cause.Slug)
		}
	}
}

// Of several upstreams that ingress-nginx tried, the last one's answer is what the visitor got.
func TestReadLine_TakesTheLastOfIngress(t *testing.T) {
	l := ReadLine(`10.1.0.1 - - [20/Nov/2026:10:03:39 +0000] "GET /a HTTP/2.0" 504 160 "-" "x" 512 10.003 [default-cart-8080] [] ` +
		`10.244.1.8:8080, 10.244.1.9:8080 0, 0 5.001, 5.001 502, 504 5f4d3c2b1c5f4d3c2b1a5f4d3c2b1a5f`)
	if l.Address != "10.244.1.9:8080" || l.Asked != "504" {
		t.Errorf("%q answered %q", l.Address, l.Asked)
	}
}

// A line that a pager cut at the terminal's edge is known by the beginning of what it says, and never with high confidence.
func TestCutLine_IsKnownByItsBeginning(t *testing.T) {
	t.Parallel()
	b, err := NewBook([]Cause{{Slug: "dns", Match: []string{"dnsmasq & maximum number of concurrent dns queries reached & %95"}}})
	if err != nil {
		t.Fatal(err)
	}
	const line = "Apr 05 13:30:45 ns1 dnsmasq[3329]: Maximum number of concurrent DNS queries reached (max: 150)"
	for text, want := range map[string]int{
		line: 95, line[:64] + ">": sureBegun, line[:64] + "…": sureBegun,
		line[:64]:       0, // nothing says that it was cut
		line[:44] + ">": 0, // too little is left
	} {
		got := 0
		if all := b.Candidates(ReadLine(text)); len(all) > 0 {
			got = all[0].Sure
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// What a line would have said further on may take back that all is well, or be what many causes begin with.
func TestCutLine_ClaimsNothingThatItsRestMayTakeBack(t *testing.T) {
	t.Parallel()
	b, err := NewBook([]Cause{
		{Slug: "well", Side: Nobody, Match: []string{"worker process started & !failed & %90"}},
		{Slug: "memory", Match: []string{"the worker could not allocate memory & %95"}},
		{Slug: "descriptors", Match: []string{"the worker could not allocate descriptors & %95"}},
		{Slug: "ports", Match: []string{"the worker could not allocate ports & %95"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"worker process started":                        90,
		"worker process started and …":                  sureInPath,
		"today the worker could not allocate p>":        sureBegun,
		"today the worker could not allocate >":         0,
		"today the worker could not allocate memory, …": 95,
	} {
		got := 0
		if all := b.Candidates(ReadLine(text)); len(all) > 0 {
			got = all[0].Sure
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// What begins like a JSON object and never ends is lines of a log, which are not kept until the end.
func TestScan_AnObjectThatDoesNotEndIsLines(t *testing.T) {
	t.Parallel()
	all := strings.NewReader("{\n" + strings.Repeat("  \"a\": 1,\n", 1000*objectMost))
	n := 0
	if err := Scan(all, "x", func(l *Line) bool { n++; return n < 10 }); err != nil {
		t.Fatal(err)
	}
	if n != 10 || all.Len() == 0 {
		t.Errorf("%d lines were told of, and %d bytes were not read for them", n, all.Len())
	}
}
