package report

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

func tableOf(all []scenario.Evidence, colour bool, width int) string {
	return written(func(w *strings.Builder) error { return Table(w, all, colour, width) })
}

func TestTable_FitsTheWidth(t *testing.T) {
	for _, width := range []int{60, 80, 100, 132, 200} {
		for _, colour := range []bool{false, true} {
			head, _, _ := strings.Cut(tableOf(samples(), colour, width), "\n\n")
			for _, line := range strings.Split(head, "\n") {
				if n := text.StringWidthWithoutEscSequences(line); n > width {
					t.Errorf("width %d: a line of %d: %q", width, n, line)
				}
			}
		}
	}
}

func TestTable_Contents(t *testing.T) {
	out := tableOf(samples(), false, 0)
	if escape.MatchString(out) {
		t.Error("painted without colour")
	}
	for _, want := range []string{
		"connect() failed (111: Connection refused) while connecting to upstream",
		"60 s *", "\n* in the gateway's own time", "200 cut", "closed", "(+2)", "upstream-stopped (real)",
		"\nERROR oom-kill (fake): the backend's image could not be built: no space left on device\n",
		"\nFAILED too-many-files (fake): status: expected 500, came 502; log: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !strings.HasSuffix(out, "\n10 passed, 2 failed\n") {
		t.Errorf("the last line is wrong:\n%s", out)
	}
	if got := tableOf(nil, true, 80); got != "0 passed, 0 failed\n" {
		t.Errorf("an empty run: %q", got)
	}
}

func TestTable_Colours(t *testing.T) {
	out := tableOf(samples(), true, 100)
	if plain := escape.ReplaceAllString(out, ""); plain != tableOf(samples(), false, 100) {
		t.Errorf("colour changes more than colour:\n%s", plain)
	}
	for _, line := range strings.Split(out, "\n") {
		bad := strings.Contains(line, "FAILED") || strings.Contains(line, "ERROR")
		if red := strings.Contains(line, "\x1b[31m"); bad && !red || strings.Contains(line, "passed ") && red {
			t.Errorf("painted wrongly: %q", line)
		}
	}
}

func TestShow(t *testing.T) {
	show := func(e scenario.Evidence) string {
		return written(func(w *strings.Builder) error { return Show(w, e, false) })
	}
	all := samples()
	out := show(all[4])
	for _, want := range []string{
		"read-timeout (fake)  passed\n", "Broken      the app is silent", "page: 504 Gateway Time",
		"GET /: 504 Gateway Timeout after 60 s in the gateway's time", "Error log   " + all[4].Broken.Log[0].Raw,
		"say: a slow script gives 502", "measured: 504 Gateway Timeout after 60 s;", "Confirm     ss -ltnp", "Mend        systemctl start app",
		"200 before, 504 under the fault, 200 after the remedy", "Source      https://", "Run again   badgateway run read-timeout",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out := show(all[10]); !strings.Contains(out, "status      expected 500\n            came     502\n") {
		t.Errorf("no difference in\n%s", out)
	}
	if out := show(all[11]); !strings.Contains(out, "Error       the backend's image") || strings.Contains(out, "Visitor") {
		t.Errorf("an error of the lab:\n%s", out)
	}
	quiet := all[0]
	quiet.Broken.Log = nil
	if out := show(quiet); !strings.Contains(out, "Error log   nothing logged") {
		t.Errorf("a silent fault:\n%s", out)
	}
}

// unhealthy is a run whose lab was not healthy before the fault.
func unhealthy() scenario.Evidence {
	e := sample("fpm-dead", "service", "A1", "PHP-FPM is stopped", 502, line("error", "connect() failed (111: Connection refused) while connecting to upstream"))
	e.Verdict, e.Error = scenario.Error, "the lab is not healthy before the fault: status is 502, not 200"
	e.Healthy, e.Broken, e.Recovered = e.Broken, lab.Exchange{}, lab.Exchange{}
	e.Healthy.UpstreamLog = []string{"it begins", "pool www has 1 child", "listens on 9001", "ready"}
	return e
}

// A lab that is not healthy shows the logs that say why, and nothing of a fault that was never made.
func TestShow_WhyTheLabIsNotHealthy(t *testing.T) {
	e := unhealthy()
	out := written(func(w *strings.Builder) error { return Show(w, e, false) })
	want := "fpm-dead (fake)  ERROR\n\n" +
		"Error       the lab is not healthy before the fault: status is 502, not 200\n" +
		"Visitor     GET /: 502 Bad Gateway after 2 ms, before the fault\n" +
		"Error log   " + e.Healthy.Log[0].Raw + "\n" +
		"Upstream    pool www has 1 child\n            listens on 9001\n            ready\n" +
		"Fault       PHP-FPM is stopped (not looked at: the lab failed before)\n\n" +
		"Proof       none: the lab failed before anything was proven\n" +
		"Source      " + e.Source + "\n" +
		"Run again   badgateway run fpm-dead\n            and with --reports DIR: DIR/index.html has every step, both logs and the config\n\n"
	if out != want {
		t.Errorf("it is\n%s\nnot\n%s", out, want)
	}
}

func TestShow_NamesTheReportsOfWhatDidNotPass(t *testing.T) {
	const where = "            and with --reports DIR: "
	for i, want := range map[int]bool{0: false, 10: true, 11: true} {
		if out := written(func(w *strings.Builder) error { return Show(w, samples()[i], false) }); strings.Contains(out, where) != want {
			t.Errorf("of what is %s:\n%s", samples()[i].Verdict, out)
		}
	}
}

func TestTranscript_HasTheLogsBeforeTheFault(t *testing.T) {
	out := written(func(w *strings.Builder) error { return Transcript(w, unhealthy()) })
	for _, want := range []string{
		"The gateway's error log before the fault\n  " + unhealthy().Healthy.Log[0].Raw + "\n",
		"The upstreams' logs before the fault\n  it begins\n  pool www has 1 child\n  listens on 9001\n  ready\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestTranscript(t *testing.T) {
	out := written(func(w *strings.Builder) error { return Transcript(w, samples()[10]) })
	for _, want := range []string{
		"FAILED too-many-files (fake): ", "  status  expected 500\n          came     502\n",
		"      0.1 ms  lab           nginx started\n", "     12.0 ms  upstream app  mended:\n                            listens again\n",
		"     7          listen 127.0.1.1:80;\n", "Run it again\n  badgateway run too-many-files\n", "[error] 12#12: *3 connect() failed",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestWaitedByAClockThatGoesFaster(t *testing.T) {
	if got := waited(lab.Exchange{NotBefore: 58 * time.Second, Waited: 60140 * time.Millisecond}, lab.ClockScaled); got != "60.1 s" {
		t.Error(got)
	}
}

func TestProof_SaysWhoseTimeItWas(t *testing.T) {
	for want, e := range map[string]scenario.Evidence{
		"; no clock was needed; took":                     {Clock: lab.ClockReal, ClockWhy: scenario.ClockNotNeeded},
		"; real time; took":                               {Clock: lab.ClockReal, ClockWhy: "it was asked for (--real-time)"},
		"; real time, as nginx is a static program; took": {Clock: lab.ClockReal, ClockWhy: "nginx is a static program", ClockUnasked: true},
		"; the gateway's clock was moved forward; took":   {Clock: lab.ClockMoved},
		"; the gateway's clock ran faster; took":          {Clock: lab.ClockScaled},
	} {
		if got := proof(e); !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

func TestWaited(t *testing.T) {
	for _, c := range []struct {
		notBefore, waited time.Duration
		want              string
	}{
		{0, 0, "0 ms"}, {0, 12 * time.Millisecond, "12 ms"}, {0, 2040 * time.Millisecond, "2 s"}, {0, 2540 * time.Millisecond, "2.5 s"},
		{59500 * time.Millisecond, 60500 * time.Millisecond, "60 s"}, {59 * time.Second, 60500 * time.Millisecond, "60 s"},
		{19500 * time.Millisecond, 30500 * time.Millisecond, "19.5-30.5 s"},
	} {
		if got := waited(lab.Exchange{NotBefore: c.notBefore, Waited: c.waited}, lab.ClockMoved); got != c.want {
			t.Errorf("%v to %v: %q, want %q", c.notBefore, c.waited, got, c.want)
		}
	}
}

// What an upstream sends must not reach the terminal as a command to it.
func TestTerminal_IsSafe(t *testing.T) {
	e := hostile()
	for name, write := range map[string]func(*strings.Builder) error{
		"Table":      func(w *strings.Builder) error { return Table(w, []scenario.Evidence{e}, false, 100) },
		"Show":       func(w *strings.Builder) error { return Show(w, e, false) },
		"Transcript": func(w *strings.Builder) error { return Transcript(w, e) },
		"Repeats":    func(w *strings.Builder) error { return Repeats(w, []scenario.Evidence{e, e}, false) },
	} {
		if out := written(write); strings.ContainsAny(out, "\x1b\x07\r\u202e\u009b") {
			t.Errorf("%s lets control characters through: %q", name, out)
		}
	}
}

func TestTable_ShowsOnceWhatPassedOften(t *testing.T) {
	again := sample("fpm-dead", "service", "A1", "PHP-FPM is stopped", 502)
	bad := again
	bad.Verdict, bad.Differences = scenario.Failed, []scenario.Difference{{What: "status", Want: "502", Got: "200"}}
	out := tableOf([]scenario.Evidence{again, bad, again, again, bad}, false, 0)
	for text, want := range map[string]int{"passed  fpm-dead": 1, "FAILED  fpm-dead": 2, "\n3 passed, 2 failed\n": 1} {
		if got := strings.Count(out, text); got != want {
			t.Errorf("%q stands %d times, not %d, in\n%s", text, got, want, out)
		}
	}
}

func TestTable_KeepsTheErrno(t *testing.T) {
	e := sample("socket", "service", "A4", "the socket belongs to root", 502, line("crit",
		"connect() to unix:/run/php/a-rather-long-folder/php8.2-fpm.sock failed (13: Permission denied) while connecting to upstream"))
	for width, want := range map[int]string{0: "unix:/run/php/a-rather-long-folder/php8.2-fpm.sock", 80: "unix:…/php8.2-fpm.sock", 60: "unix:… failed"} {
		out := tableOf([]scenario.Evidence{e}, false, width)
		for _, part := range []string{want, "(13:", "denied)"} {
			if !strings.Contains(out, part) {
				t.Errorf("width %d: no %q in\n%s", width, part, out)
			}
		}
	}
}

func TestShow_WrapsProseButNoLogLine(t *testing.T) {
	e := samples()[3]
	e.Confirm = strings.Repeat("confirm it ", 30) + "\n" + strings.Repeat("so ", 60)
	e.Remedy = strings.Repeat("mend it ", 30)
	out := written(func(w *strings.Builder) error { return Show(w, e, false) })
	for _, l := range strings.Split(out, "\n") {
		if n := text.StringWidthWithoutEscSequences(l); n > 100 && !strings.Contains(l, "Error log") {
			t.Errorf("a line of %d: %q", n, l)
		}
	}
	if !strings.Contains(out, "Error log   "+e.Broken.Log[0].Raw+"\n") || !strings.HasSuffix(out, "\n\n") {
		t.Errorf("the log line or the end is wrong:\n%s", out)
	}
}

func TestStatusLong_NoHTTP(t *testing.T) {
	x := lab.Exchange{NoAnswer: garbled}
	if got := status(x) + "; " + statusLong(x); got != "no HTTP; an answer that is no HTTP" {
		t.Error(got)
	}
}

func TestShowAll_VariantsThatAreAlikeAreOneText(t *testing.T) {
	real := samples()[0]
	real.Variant = scenario.Real
	fake := samples()[0]
	other := fake
	other.Broken.Status = 504
	show := func(all ...scenario.Evidence) string {
		return written(func(b *strings.Builder) error {
			return ShowAll(b, all, func(string) []scenario.Scenario { return nil }, false)
		})
	}
	both := show(real, fake)
	if n := strings.Count(both, "Means "); n != 1 || !strings.Contains(both, "            on a fake: the same, after 2 ms; took 21 ms\n") {
		t.Errorf("two that are alike have %d texts:\n%s", n, both)
	}
	for name, all := range map[string][]scenario.Evidence{
		"another status": {real, other}, "another scenario": {real, samples()[2]}, "the same variant": {fake, fake},
	} {
		if out := show(all...); strings.Count(out, "Means ") != 2 || strings.Contains(out, "the same, after") {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}

func TestShow_OfWhatFailedNoMeaningAndNoRemedyIsShown(t *testing.T) {
	failed := samples()[10]
	out := written(func(b *strings.Builder) error { return Show(b, failed, false) })
	if strings.Contains(out, failed.Claim) || strings.Contains(out, failed.Remedy) || !strings.Contains(out, "Means       not what the scenario says") {
		t.Error(out)
	}
}

func TestPage(t *testing.T) {
	for body, want := range map[string]string{
		"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n": "502 Bad Gateway|nginx/1.22.1",
		"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>":                                          "503 Service Unavailable|No server is available to handle this request.",
		"<style>body { margin: 0 }</style><p>a &lt; <b>b</b>c</p><!-- no -->":                                                                                   "a < bc",
		"{\"error\": \"down\"}\n": `{"error": "down"}`,
		"1 < 2\n\n3\n4\n":         "1 < 2|3",
		"":                        "",
	} {
		if got := strings.Join(page(lab.Exchange{Body: body}), "|"); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

func TestShowAll_TellsNeighboursApart(t *testing.T) {
	passed, failed := samples()[0], samples()[10]
	var near []scenario.Scenario
	for _, id := range []string{"a", "b", "c", "d"} {
		near = append(near, scenario.Scenario{ID: id, Confirm: "the check of " + id})
	}
	out := written(func(b *strings.Builder) error {
		return ShowAll(b, []scenario.Evidence{passed, failed}, func(string) []scenario.Scenario { return near }, false)
	})
	want := "Same line   a: the check of a\n            b: the check of b\n            c: the check of c\n            and 1 more: badgateway explain " + passed.Scenario + "\n"
	if strings.Count(out, want) != 1 || strings.Contains(out, "badgateway explain "+failed.Scenario) {
		t.Error(out)
	}
}
