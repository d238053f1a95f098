package match

import (
	"fmt"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/known"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// exchangeOf is the exchange in what a test handed over.
func exchangeOf(matcher string, actual any) (lab.Exchange, error) {
	switch a := actual.(type) {
	case lab.Exchange:
		return a, nil
	case *lab.Exchange:
		if a != nil {
			return *a, nil
		}
	case scenario.Evidence:
		return a.Broken, nil
	case *scenario.Evidence:
		if a != nil {
			return a.Broken, nil
		}
	}
	return lab.Exchange{}, wrongType(matcher, "a lab.Exchange or a scenario.Evidence", actual)
}

// linesOf are the log lines in what a test handed over.
func linesOf(matcher string, actual any) ([]gateway.LogRecord, error) {
	switch a := actual.(type) {
	case string:
		return linesIn(a)
	case []byte:
		return linesIn(string(a))
	case []string:
		return linesIn(strings.Join(a, "\n"))
	case gateway.LogRecord:
		return []gateway.LogRecord{a}, nil
	case []gateway.LogRecord:
		return a, nil
	}
	if x, err := exchangeOf(matcher, actual); err == nil {
		return x.Log, nil
	}
	return nil, wrongType(matcher, "a lab.Exchange, a scenario.Evidence, []gateway.LogRecord, or a log's text", actual)
}

// linesIn reads a log's text. One that holds something else altogether, such as an access log, is an error: no line would
// ever be found in it.
func linesIn(log string) ([]gateway.LogRecord, error) {
	for _, d := range known.Drivers {
		if lines := d.Lines(log); len(lines) > 0 {
			return lines, nil
		}
	}
	if begin, _, _ := strings.Cut(strings.TrimSpace(log), "\n"); begin != "" {
		return nil, fmt.Errorf("no line of this text is one of a gateway's error log; it begins: %.80s", begin)
	}
	return nil, nil
}

func wrongType(matcher, want string, actual any) error {
	if actual == nil {
		return fmt.Errorf("%s takes %s, not nil", matcher, want)
	}
	return fmt.Errorf("%s takes %s, not a value of type %T", matcher, want, actual)
}

// asked tells who asked what: the first words of a failure.
func asked(x lab.Exchange) string {
	request, visitor := x.Request, x.Visitor
	if request == "" {
		request = "the request"
	}
	if visitor == "" {
		return fmt.Sprintf("Expected %s", request)
	}
	return fmt.Sprintf("Expected %s, asked by %s,", request, visitor)
}

// answer is what the client got.
func answer(x lab.Exchange) string {
	text := fmt.Sprintf("status %d", x.Status)
	if x.Status == 0 {
		text = "no answer"
		if x.NoAnswer != "" {
			text += ", connection " + x.NoAnswer
		}
	}
	if x.Cut {
		text += fmt.Sprintf(", cut off after %d bytes", x.BodyBytes)
	}
	return text + " after " + span(x.Waited)
}

// span is a duration in seconds, as nginx's own times are.
func span(d time.Duration) string {
	return fmt.Sprintf("%v s", d.Round(time.Millisecond).Seconds())
}

// logged shows the log lines that were there.
func logged(lines []gateway.LogRecord) string {
	if len(lines) == 0 {
		return "The log has no line."
	}
	var b strings.Builder
	b.WriteString("The log:")
	for _, l := range lines {
		b.WriteString("\n    " + strings.ReplaceAll(l.String(), "\n", "\n    "))
	}
	return b.String()
}
