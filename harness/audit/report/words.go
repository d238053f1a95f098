package report

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/terminal"
)

// garbled is how an answer that can't be read as HTTP is named.
const garbled = "garbled"

// status is what the client got, as short as can be: "502", "200 cut", "closed". A stream route has no status.
func status(o audit.Outcome) string {
	switch {
	case o.Status == 0 && o.NoAnswer == garbled:
		return "no HTTP"
	case o.Status == 0 && o.NoAnswer == "" && o.Cut:
		return "cut"
	case o.Status == 0 && o.NoAnswer == "" && o.TimedOut:
		return "none"
	case o.Status == 0 && o.NoAnswer == "":
		return "ok"
	case o.Status == 0:
		return terminal.OneLine(o.NoAnswer)
	case o.Cut:
		return strconv.Itoa(o.Status) + " cut"
	}
	return strconv.Itoa(o.Status)
}

// statusLong is what the client got, in words: "502 Bad Gateway", "no answer: closed".
func statusLong(o audit.Outcome) string {
	switch {
	case o.Status == 0 && o.NoAnswer == garbled:
		return "an answer that is no HTTP"
	case o.Status == 0 && o.NoAnswer != "":
		return "no answer: " + terminal.OneLine(o.NoAnswer)
	case o.Status == 0:
		return map[string]string{
			"cut": "an answer that was cut", "none": "no answer", "ok": "the upstream's answer",
		}[status(o)]
	}
	text := strings.TrimSpace(strconv.Itoa(o.Status) + " " + http.StatusText(o.Status))
	switch {
	case o.SilentTruncation:
		text += ", cut, but it looks complete"
	case o.Cut:
		text += ", cut"
	}
	return text
}

// waited is how long the client waited, in the config's time. Where the answer came in a window, because the clock was
// moved over it, that is the whole second in the window, as time-outs are set in whole seconds; else its middle, and of
// a wide one both ends.
func waited(o audit.Outcome) string {
	window := o.Waited - o.NotBefore
	middle := o.NotBefore + window/2
	switch {
	case o.TimedOut:
		return "more than " + seconds(o.Waited)
	case o.NotBefore <= 0 || window < 0:
		return seconds(o.Waited)
	case window > 2*time.Second:
		return strings.TrimSuffix(seconds(o.NotBefore), " s") + "-" + seconds(o.Waited)
	}
	if whole := middle.Round(time.Second); whole >= o.NotBefore && whole <= o.Waited {
		return seconds(whole)
	}
	return seconds(middle)
}

// long reports whether a wait is worth a word in the matrix: a second and more is felt.
func long(o audit.Outcome) bool { return o.Waited >= time.Second }

// waitShort is the wait without blanks: "60s", ">300s", "19.5-30.5s".
func waitShort(o audit.Outcome) string {
	return strings.ReplaceAll(strings.ReplaceAll(waited(o), "more than ", ">"), " ", "")
}

// seconds writes a duration in the unit of nginx's directives: "60 s", "2.5 s", "12 ms".
func seconds(d time.Duration) string {
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	if d >= time.Hour {
		d = d.Round(time.Second) // beyond that nobody reads tenths
	}
	return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

// saw is what the client got, and when: "504 Gateway Timeout after 60 s".
func saw(o audit.Outcome) string { return statusLong(o) + " after " + waited(o) }

// page says whose page it was.
func page(o audit.Outcome) string {
	text := map[string]string{
		"nginx": "nginx's built-in page", "config": "the config's own page",
		"upstream": "the upstream's own page", "": "none",
	}[o.Page]
	if text == "" {
		text = terminal.OneLine(o.Page)
	}
	if o.Version {
		text += ", and it shows the gateway's version"
	}
	return text
}

// place is a file and its line, as editors and terminals take it: "conf.d/app.conf:12".
func place(p nginxconf.Place) string {
	if p.Line > 0 {
		return terminal.OneLine(p.File) + ":" + strconv.Itoa(p.Line)
	}
	return terminal.OneLine(p.File)
}

// raw is a log line as nginx wrote it, or in short where only that is known.
func raw(l gateway.LogRecord) string {
	if l.Raw == "" {
		return l.String()
	}
	return l.Raw
}

// recovery says for how long errors went on once the upstream was healthy; empty when they did not.
func recovery(c audit.Measurement) string {
	switch {
	case c.NotRecovered:
		return "errors still came " + seconds(c.ErrorsFor) + " after the upstream was well"
	case c.ErrorsFor > 0:
		return "errors went on for " + seconds(c.ErrorsFor) + " after the upstream was well"
	}
	return ""
}

// count writes a number with its noun: "1 route", "3 routes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// some lists names, of many only the first ones: "a, b and 3 more".
func some(names []string, most int) string {
	if len(names) <= most+1 { // one more name is as short as to say that there is one
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// asked is the request as a client writes it: "POST https://shop.example.com/cart".
func asked(a audit.ClientRequest, method string) string {
	if method == "" {
		method = a.Method
	}
	return terminal.OneLine(method + " " + a.URL)
}
