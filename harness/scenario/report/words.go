package report

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// name is the scenario with its variant: "upstream-stopped (fake)".
func name(e scenario.Evidence) string {
	if e.Variant == "" {
		return e.Scenario
	}
	return e.Scenario + " (" + string(e.Variant) + ")"
}

// verdict is the word that marks a result; a failure is in capitals, so that it is found without colour.
func verdict(e scenario.Evidence) string {
	switch e.Verdict {
	case scenario.Passed:
		return "passed"
	case scenario.Failed:
		return "FAILED"
	case scenario.Skipped:
		return "skipped"
	}
	return "ERROR"
}

// failedEarly reports whether the lab failed before anybody asked under the fault.
func failedEarly(e scenario.Evidence) bool { return e.Error != "" && e.Broken.Request == "" }

// lastLook is the exchange that the gateway's and the upstreams' logs are shown of, and when it was.
func lastLook(e scenario.Evidence) (x lab.Exchange, when string) {
	if failedEarly(e) {
		return e.Healthy, "before the fault"
	}
	return e.Broken, "under the fault"
}

// garbled is how the harness names an answer that cannot be read as HTTP.
const garbled = "garbled"

// status is what the client got, as short as can be: "502", "200 cut", "closed".
func status(x lab.Exchange) string {
	switch {
	case x.Status == 0 && x.NoAnswer == "":
		return "-"
	case x.Status == 0 && x.NoAnswer == garbled:
		return "no HTTP"
	case x.Status == 0:
		return x.NoAnswer
	case x.Cut:
		return strconv.Itoa(x.Status) + " cut"
	}
	return strconv.Itoa(x.Status)
}

// noAnswer says in words how a connection ended.
func noAnswer(how string) string {
	if how == "left" {
		return "no answer: the visitor left"
	}
	return "no answer: the connection was " + how
}

// statusLong is what the client got, in words: "502 Bad Gateway", "no answer: the connection was reset".
func statusLong(x lab.Exchange) string {
	switch {
	case x.Status == 0 && x.NoAnswer == "":
		return "no answer"
	case x.Status == 0 && x.NoAnswer == garbled:
		return "an answer that is no HTTP"
	case x.Status == 0:
		return noAnswer(x.NoAnswer)
	}
	text := strings.TrimSpace(strconv.Itoa(x.Status) + " " + http.StatusText(x.Status))
	if x.Cut {
		text += ", cut off after " + strconv.FormatInt(x.BodyBytes, 10) + " bytes"
	}
	return text
}

// waited is how long the client waited, in the gateway's time. Where the clock was moved, the answer came in a window
// around the time that was configured, and the middle of that window is reported; of a wide one, both ends. Of one that goes faster it
// is known when it came.
func waited(x lab.Exchange, clock string) string {
	window := x.Waited - x.NotBefore
	switch {
	case x.NotBefore <= 0 || window < 0, clock == lab.ClockScaled:
		return seconds(x.Waited)
	case window < 500*time.Millisecond:
		return seconds(x.NotBefore + window/2)
	case window <= 2*time.Second:
		return seconds((x.NotBefore + window/2).Round(time.Second))
	}
	return strings.TrimSuffix(seconds(x.NotBefore), " s") + "-" + seconds(x.Waited)
}

// seconds writes a duration in the unit of nginx's directives: "60 s", "2.5 s", "12 ms".
func seconds(d time.Duration) string {
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

// shortened reports whether the wait was made shorter than it says.
func shortened(e scenario.Evidence) bool {
	return (e.Clock == "moved" || e.Clock == "scaled") && e.Broken.Waited >= time.Second
}

// clock says in words whose time it was.
func clock(e scenario.Evidence) string {
	switch e.Clock {
	case "real":
		switch {
		case e.ClockUnasked:
			return "real time, as " + e.ClockWhy
		case e.ClockWhy == scenario.ClockNotNeeded:
			return "no clock was needed"
		}
		return "real time"
	case "moved":
		return "the gateway's clock was moved forward"
	case "scaled":
		return "the gateway's clock ran faster"
	}
	return e.Clock
}

// logged is the log in short: its first line, and how many more there are.
func logged(lines []gateway.LogRecord) string {
	switch len(lines) {
	case 0:
		return "nothing logged"
	case 1:
		return lines[0].String()
	}
	return lines[0].String() + " (+" + strconv.Itoa(len(lines)-1) + ")"
}

// raw is a log line as nginx wrote it, or in short where only that is known.
func raw(l gateway.LogRecord) string {
	if l.Raw == "" {
		return l.String()
	}
	return l.Raw
}

// onA names the kind of upstream of a variant.
func onA(kind scenario.VariantKind) string {
	if kind == scenario.Fake {
		return "on a fake"
	}
	return "on the real component"
}

// pageLines is how much of a page or body is shown.
const pageLines = 2

var (
	unread = regexp.MustCompile(`(?is)<(style|script)\b.*?</(style|script)>|<!--.*?-->`)
	block  = regexp.MustCompile(`(?i)</?(address|body|br|center|dd|div|dl|dt|h[1-6]|head|hr|html|li|ol|p|pre|table|td|title|tr|ul)\b[^>]*>`)
	tag    = regexp.MustCompile(`</?[a-zA-Z!][^>]*>`)
)

// page is what the client reads first in an answer, without HTML's tags: title and heading are one line where they say the same.
func page(x lab.Exchange) []string {
	text := block.ReplaceAllString(unread.ReplaceAllString(x.Body, " "), "\n")
	var all []string
	for line := range strings.Lines(tag.ReplaceAllString(text, "")) {
		line = strings.Join(strings.Fields(html.UnescapeString(line)), " ")
		if line != "" && !slices.Contains(all, line) && len(all) < pageLines {
			all = append(all, line)
		}
	}
	return all
}

// lines splits a text into its lines, without the empty end.
func lines(text string) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
