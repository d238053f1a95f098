package report

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
)

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// written is what a writer of a report wrote.
func written(t *testing.T, write func(*strings.Builder) error) string {
	t.Helper()
	var out strings.Builder
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func tableOf(t *testing.T, r *audit.Report, v View) string {
	return written(t, func(w *strings.Builder) error { return Table(w, r, v) })
}

// has fails the test for each text that is not there.
func has(t *testing.T, out string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// matrixOf is the part of a table that must fit.
func matrixOf(out string) string {
	_, rest, _ := strings.Cut(out, "What visitors get")
	matrix, _, _ := strings.Cut(rest, "\n  ! ")
	return matrix
}

func TestTable_Contents(t *testing.T) {
	out := tableOf(t, sample(), View{})
	if escape.MatchString(out) {
		t.Error("painted without colour")
	}
	has(t, out,
		"deploy/nginx (nginx.conf) on nginx/1.26.3\n",
		"shop.example.com/api/, shop.example.com/img/", "app2:8080 (backup)", "app3:8080 (down)", "conf.d/shop.conf:21",
		"Supplied by the lab: 3 names, 2 addresses, 1 socket, 1 certificate, 1 user (--supplied lists them).",
		"!504 60s", "200~", "POST ×2", "502\n", "+10s", "+∞", "1/4", "no start", ">300s", "error", "closed 60s",
		"Not reached: legacy.example.com @old: no error_page",
		"- conf.d/old.conf.bak is included by nothing",
		"HIGH     visitors wait 60 s for a dead upstream [long-wait]\nat       conf.d/shop.conf:21, which lacks proxy_connect_timeout\nsaw      504",
		"mend     proxy_connect_timeout 3s;\n         proxy_read_timeout 15s;\nin       location /api/ at conf.d/shop.conf:20\n",
		"Waived\n- a POST is sent twice at conf.d/shop.conf:22 (post-repeated): the API discards repeats by its",
		"Against deploy/nginx/badgateway.yaml\n- shop.example.com/api/: waited 60 s, 10 s at most allowed (host off GET, host off POST, silent",
	)
	if strings.Index(out, "HIGH ") > strings.Index(out, "MEDIUM ") {
		t.Error("the findings are not in the order of their severity")
	}
	last := "findings: 1 high, 1 medium, 1 low; 4 outcomes against the policy in 7 routes; 1 waived; 1 not reached, of which nothing is known; 8 not known, the lab failed. " +
		"Look closer: badgateway check deploy/nginx --route shop.example.com/api/ --fault off\n"
	if !strings.HasSuffix(out, "\n"+last) {
		t.Errorf("the last line is wrong:\n%s", out[len(out)-len(last)-20:])
	}
	if strings.Contains(out, "198.18.0.3") {
		t.Error("the supplied things are not folded")
	}
	has(t, tableOf(t, sample(), View{Supplied: true}), "name         app1 -> 198.18.0.3, for conf.d/shop.conf:3\n", "user         www-data, for nginx.conf:1\n")
}

// nginx takes both addresses of localhost for peers, but where a variable has the name looked up later.
func TestPeers_OfLocalhost(t *testing.T) {
	r := &audit.Route{Pass: "http://localhost:4000", Endpoints: []audit.Endpoint{{Name: "localhost:4000"}, {Name: "localhost.lan:4000"}}, Down: []string{"10.0.0.9:4000"}}
	if got := peers(r); !slices.Equal(got, []string{"localhost:4000 (127.0.0.1 and ::1)", "localhost.lan:4000", "10.0.0.9:4000 (down)"}) {
		t.Errorf("%q", got)
	}
	r.Pass = "http://$host_of_it:4000"
	if got := peers(r); got[0] != "localhost:4000" {
		t.Errorf("%q", got)
	}
}

func TestTable_Passed(t *testing.T) {
	out := tableOf(t, passedSample(), View{})
	has(t, out, "Not measured:\n- host off: a socket is on the gateway's own machine\n", "\npassed: nothing to object to in 1 route. Keep it so: badgateway check deploy/nginx --init\n")
	if strings.Contains(matrixOf(strings.ReplaceAll(out, "Not measured:", "  ! ")), "TLS expired") {
		t.Error("a fault that applies nowhere has a column")
	}
	none := &audit.Report{Config: "nginx.conf", Verdict: audit.Passed}
	has(t, tableOf(t, none, View{Width: 80}), "passed: the config has no upstream, so there is nothing to break\n")
}

func TestTable_Refused(t *testing.T) {
	out := tableOf(t, refusedSample(), View{Width: 100})
	has(t, out, "nginx: [emerg] invalid parameter \"resolve\" in /etc/nginx/conf.d/shop.conf:3\n", "at       conf.d/shop.conf:3\n",
		"mend     check it on an nginx that has it: badgateway check --nginx 1.30 deploy/nginx\n")
	if strings.Index(out, "[emerg]") > strings.Index(out, "needs nginx 1.27.3") {
		t.Error("nginx's own words do not come first")
	}
	if !strings.HasSuffix(out, "\nrefused: the config can't be loaded\n") {
		t.Errorf("the last line is wrong:\n%s", out)
	}
}

func TestTable_FitsTheWidth(t *testing.T) {
	for _, width := range []int{60, 80, 100, 120, 160, 250} {
		for _, colour := range []bool{false, true} {
			out := tableOf(t, sample(), View{Width: width, Colour: colour})
			head, _, _ := strings.Cut(out, "Findings")
			for _, line := range strings.Split(head, "\n") {
				if n := displayWidth(line); n > width {
					t.Errorf("width %d: a line of %d: %q", width, n, line)
				}
			}
		}
	}
}

// Routes that have the same outcomes have them written beside each name, and of very many one row says so for the rest.
func TestTable_NoRowIsBlank(t *testing.T) {
	for _, n := range []int{2, 4, 9} {
		r := passedSample()
		first := r.Routes[0]
		for i := range n - 1 {
			same := first
			same.ID = strings.Repeat("x", i+1) + ".example.com/"
			r.Routes = append(r.Routes, same)
		}
		for _, width := range []int{0, 80} {
			out := tableOf(t, r, View{Width: width})
			_, matrix, _ := strings.Cut(out, "What visitors get")
			matrix, _, _ = strings.Cut(matrix, "\n\n")
			for _, line := range strings.Split(matrix, "\n") {
				name, _, _ := strings.Cut(line, " ")
				if (strings.Contains(name, ".example.com/") || strings.HasPrefix(line, "and ")) && !strings.Contains(line, "502") {
					t.Errorf("%d alike, width %d: nothing stands beside %q in\n%s", n, width, line, matrix)
				}
			}
		}
	}
}

// However many blocks there are, each fault has its column once, and each route its row in each.
func TestTable_WrapsWithoutLoss(t *testing.T) {
	g := newGrid(sample())
	columns := g.columns()
	rows := g.rows(columns)
	for _, width := range []int{1, 40, 80, 120, 1000} {
		next := 0
		for _, b := range blocks(columns, rows, width, 20) {
			if b.from != next || b.to <= b.from {
				t.Errorf("width %d: a block from %d to %d after %d", width, b.from, b.to, next)
			}
			next = b.to
		}
		if next != len(columns) {
			t.Errorf("width %d: %d of %d columns", width, next, len(columns))
		}
	}
	if out := matrixOf(tableOf(t, sample(), View{Width: 80})); strings.Count(out, "stream :3306") < 2 {
		t.Errorf("in 80 columns the matrix is in one block:\n%s", out)
	}
}

func TestTable_MergesEqualRows(t *testing.T) {
	r := sample()
	same := r.Routes[1]
	same.ID = "blog.example.com ~ \\.php$"
	r.Routes = append(r.Routes, same)
	columns := newGrid(r).columns()
	rows := newGrid(r).rows(columns)
	if len(rows) != 5 || len(rows[1].names) != 2 || rows[1].names[1] != same.ID {
		t.Errorf("%d rows, %+v", len(rows), rows)
	}
	// A breach that one of the two has makes them differ.
	r.Routes[len(r.Routes)-1].Measurements = append([]audit.Measurement{}, same.Measurements...)
	r.Routes[len(r.Routes)-1].Measurements[0].Breaches = []string{"502"}
	if rows := newGrid(r).rows(columns); len(rows) != 6 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestTable_Colours(t *testing.T) {
	out := tableOf(t, sample(), View{Width: 100, Colour: true})
	if plain := escape.ReplaceAllString(out, ""); plain != tableOf(t, sample(), View{Width: 100}) {
		t.Error("colour changes more than colour")
	}
	has(t, out, "\x1b[31m!504 60s\x1b[0m", "\x1b[31mHIGH     \x1b[0m", "\x1b[33merror\x1b[0m")
}

func TestGrade(t *testing.T) {
	g := newGrid(sample())
	for at, want := range map[cellKey]grade{
		{"shop.example.com/api/", "off"}: gradeHigh, {"shop.example.com/account/", "tls-expired"}: gradeMedium, {"shop.example.com/account/", "refused"}: gradeOK,
		{"shop.example.com/api/", "dies-early"}: gradeOK /* waived */, {"shop.example.com/api/", "tls-name"}: gradeIdle, {"shop.example.com/api/", "reuse"}: gradeError,
		{"nowhere", "off"}: gradeIdle,
	} {
		if got := g.grade(at); got != want {
			t.Errorf("%v: %v, want %v", at, got, want)
		}
	}
}

func TestWaited(t *testing.T) {
	for _, c := range []struct {
		notBefore, waited time.Duration
		want              string
	}{
		{0, 0, "0 ms"}, {0, 12 * time.Millisecond, "12 ms"}, {0, 2540 * time.Millisecond, "2.5 s"}, {59700 * time.Millisecond, 60100 * time.Millisecond, "60 s"},
		{1750 * time.Millisecond, 2050 * time.Millisecond, "2 s"}, {2400 * time.Millisecond, 2600 * time.Millisecond, "2.5 s"}, {59 * time.Second, 60900 * time.Millisecond, "60 s"},
		{19500 * time.Millisecond, 30500 * time.Millisecond, "19.5-30.5 s"},
	} {
		if got := waited(audit.Outcome{NotBefore: c.notBefore, Waited: c.waited}); got != c.want {
			t.Errorf("%v to %v: %q, want %q", c.notBefore, c.waited, got, c.want)
		}
	}
}

// With a policy that lets low findings pass, what only those name is not marked.
func TestGrid_MarksOnlyWhatFails(t *testing.T) {
	r := sample()
	r.FailOn = "high"
	out := tableOf(t, r, View{})
	has(t, out, "!504 60s")
	if strings.Contains(out, "!200") {
		t.Error("a finding that the policy lets pass is marked")
	}
}

// A method that does not apply is not said in each measurement, but once in the detail.
func TestTable_OmitsAMethodThatDoesNotApply(t *testing.T) {
	r := sample()
	account := &r.Routes[2]
	for i := range account.Measurements {
		if c := &account.Measurements[i]; c.Method == "POST" {
			*c = audit.Measurement{Fault: c.Fault, Method: "POST", Skipped: "the location takes GET alone"}
		}
	}
	if text := newGrid(r).text(cellKey{account.ID, "refused"}); len(text) != 1 || text[0] != "502" {
		t.Errorf("got %q", text)
	}
	out := written(t, func(w *strings.Builder) error { return Route(w, r, account.ID, View{}) })
	has(t, out, "\nNot measured: POST, every fault: the location takes GET alone.\n", "Not measured: one dead, one silent: it has one peer only.\n")
}

func TestMeasurement(t *testing.T) {
	one := func(route, fault string) string {
		return written(t, func(w *strings.Builder) error { return Measurement(w, sample(), route, fault, View{Width: 100}) })
	}
	out := one("shop.example.com/api/", "off")
	has(t, out, "shop.example.com/api/\n", "fault       host off: the upstream's host does not answer at all\n", "visitor     504 Gateway Timeout after 60 s\n",
		"proof       no answer yet after 59.6 s, answered at 60.5 s\n", "asked       POST https://shop.example.com/api at 127.0.0.1:443\n",
		"tries       app1:8080\n", "upstream    app1:8080 got POST /x over http, Host backend, to be closed after it\n",
		"page        nginx's built-in page, and it shows the gateway's version\n", "<center>nginx/1.26.3</center>", "against     the policy: waited 60 s",
		"log file    /var/log/nginx/error.log\n", "HIGH     visitors wait 60 s", "Server: nginx/1.26.3\n",
		// A log line is to be searched for: it is never wrapped.
		`[error] 12#12: *3 upstream timed out (110: Connection timed out) while connecting to upstream, client: 127.0.0.1, server: shop.example.com, request: "GET /api/ HTTP/1.1", upstream: "http://198.18.0.3:8080/api/", host: "shop.example.com"`)
	has(t, one("shop.example.com/img/", "refused"), "shop.example.com/img/\n", "502 Bad Gateway", "alone       badgateway run upstream-stopped\n")
	has(t, one("shop.example.com/api/", "name-gone"), "visitor     nothing: the gateway does not start\n", `nginx       host not found in upstream "app1:8080"`)
	has(t, one("shop.example.com/api/", "name-moved"), "afterwards  errors still came 600 s after the upstream was well\n")
	has(t, one("shop.example.com/api/", "one-silent"), "1 of 4 requests were hit; this is the worst", "tries       app1:8080, then app2:8080\n")
	has(t, one("shop.example.com/api/", "dies-body"), "200 OK, cut, but it looks complete")
	has(t, one("shop.example.com/api/", "reuse"), "lab failed  the lab's upstream")
	has(t, one("shop.example.com/api/", "plain"), "skipped     the route calls its upstream without TLS\n")
	has(t, one("shop.example.com/account/", "refused"), "given       auth:9000 answers 200\n")
	has(t, one("stream :3306", "silent"), "visitor     no answer after more than 300 s\n", "asked       TCP tcp://:3306")
	has(t, one("legacy.example.com @old", "refused"), "reached     no: no error_page")
	var out2 strings.Builder
	if err := Measurement(&out2, sample(), "nowhere", "off", View{}); err == nil || !strings.Contains(err.Error(), "shop.example.com = /auth") {
		t.Errorf("an unknown route: %v", err)
	}
	if err := Measurement(&out2, sample(), "stream :3306", "fire", View{}); err == nil || !strings.Contains(err.Error(), "refused, off, silent") {
		t.Errorf("an unknown fault: %v", err)
	}
}

func TestRoute(t *testing.T) {
	out := written(t, func(w *strings.Builder) error { return Route(w, sample(), "shop.example.com/api/", View{Width: 100}) })
	has(t, out, "passes to   http://backend at conf.d/shop.conf:21\n", "healthy     200 OK after 2 ms from app1:8080\n", "GET, POST  !504 60s", "POST       502 ×2",
		"Not measured: TLS expired, TLS wrong name, plain for TLS: the route calls", "[long-wait]")
	if strings.Contains(out, "[no-verify]") {
		t.Error("a finding of another route is shown")
	}
	for _, line := range strings.Split(out, "\n") {
		if n := displayWidth(line); n > 100 {
			t.Errorf("a line of %d: %q", n, line)
		}
	}
	has(t, written(t, func(w *strings.Builder) error { return Route(w, sample(), "shop.example.com/img/", View{}) }), "like        shop.example.com/api/, which was measured for it")
	if err := Route(&strings.Builder{}, sample(), "nowhere", View{}); err == nil {
		t.Error("an unknown route is no error")
	}
}

// What an upstream sends must not reach the terminal as a command to it.
func TestTerminal_IsSafe(t *testing.T) {
	r := hostile()
	refused := refusedSample()
	*refused.Refused = audit.Refusal{Message: hostileText, Nginx: hostileText, Remedy: hostileText, Place: r.Findings[0].Place}
	for name, write := range map[string]func(*strings.Builder) error{
		"Table":    func(w *strings.Builder) error { return Table(w, r, View{Width: 100, Supplied: true}) },
		"Refused":  func(w *strings.Builder) error { return Table(w, refused, View{Width: 100}) },
		"One":      func(w *strings.Builder) error { return Measurement(w, r, hostileText, hostileText, View{Width: 100}) },
		"Route":    func(w *strings.Builder) error { return Route(w, r, hostileText, View{Width: 100}) },
		"Markdown": func(w *strings.Builder) error { return Markdown(w, r) },
	} {
		if out := written(t, write); strings.ContainsAny(out, "\x1b\x07\r\u202e\u009b\x00") {
			t.Errorf("%s lets control characters through: %q", name, out)
		}
	}
}

func TestMeasurement_SaysWhatItLeavesOut(t *testing.T) {
	lines := more([]string{"the first"}, 2999, "lines")
	if !slices.Equal(lines, []string{"the first", "... 2999 more lines"}) || len(more(nil, 0, "lines")) != 0 {
		t.Errorf("%q", lines)
	}
}
