package fakeupstream

import (
	"bytes"
	"errors"
	"fmt"
)

// BadHeader answers with a header that is not valid. All the rest of the answer is good. In gRPC,
// where a header is no text, its faults are in names and values; with Any those that it cannot
// have become a header without a status. A memcached answer can only begin with what is no answer
// at all, which with Any all faults become, and a stream has no header: there Any closes.
type BadHeader struct {
	// Fault is what is wrong; it must be given.
	Fault HeaderFault `json:"fault,omitempty"`
	// Answer is the rest.
	Answer Well `json:"answer,omitzero"`
}

// HeaderFault is a way in which a header is not valid (RFC 9112, 4 and 5; RFC 9110, 5).
type HeaderFault string

// The header faults.
const (
	HeaderStatusLine   HeaderFault = "status-line"        // the first line is no status line (HTTP, uwsgi, memcached)
	HeaderVersion      HeaderFault = "version"            // HTTP/9.9 (HTTP, uwsgi)
	HeaderStatusText   HeaderFault = "status-text"        // the status is "abc"
	HeaderStatusShort  HeaderFault = "status-short"       // the status is "20"
	HeaderNoColon      HeaderFault = "no-colon"           // a line without a colon
	HeaderEmptyName    HeaderFault = "empty-name"         // a line that begins with the colon
	HeaderSpaceInName  HeaderFault = "space-in-name"      // "X Bad: value"
	HeaderSpaceColon   HeaderFault = "space-before-colon" // "X-Bad : value"
	HeaderNUL          HeaderFault = "nul"                // a NUL in a value
	HeaderControl      HeaderFault = "control"            // the control character 1 in a value
	HeaderBareCR       HeaderFault = "bare-cr"            // a CR without LF in a value
	HeaderNameNotASCII HeaderFault = "name-not-ascii"     // a byte above 127 in a name
	HeaderFold         HeaderFault = "fold"               // a value that goes on in the next line (obs-fold)
)

// badLines are the lines of those faults that are a bad header line.
var badLines = map[HeaderFault]string{
	HeaderNoColon:      "X-Bad without a colon",
	HeaderEmptyName:    ": value",
	HeaderSpaceInName:  "X Bad: value",
	HeaderSpaceColon:   "X-Bad : value",
	HeaderNUL:          "X-Bad: a\x00b",
	HeaderControl:      "X-Bad: a\x01b",
	HeaderBareCR:       "X-Bad: a\rb",
	HeaderNameNotASCII: "X-B\xe4d: value",
	HeaderFold:         "X-Bad: first\r\n second",
}

func (b BadHeader) String() string { return "bad header: " + string(b.Fault) }

func (b BadHeader) Check(on Endpoint) error {
	noLine := on.Protocol == FastCGI || on.Protocol == SCGI || on.Protocol == GRPC
	if noLine && (b.Fault == HeaderStatusLine || b.Fault == HeaderVersion) {
		return fmt.Errorf("fault: %s is of HTTP; a %s answer has no status line", b.Fault, title(on.Protocol))
	}
	if on.Protocol == GRPC && b.Fault == HeaderNoColon {
		return errors.New("fault: a gRPC header has no lines and no colons")
	}
	if (on.Protocol == Memcached || on.Protocol == Redis) && b.Fault != HeaderStatusLine {
		return fmt.Errorf("fault: the header of %s is a line without fields; give %q", title(on.Protocol), HeaderStatusLine)
	}
	return first(on.not(noFields, MySQL, Stream), required("fault", b.Fault,
		HeaderStatusLine, HeaderVersion, HeaderStatusText, HeaderStatusShort, HeaderNoColon,
		HeaderEmptyName, HeaderSpaceInName, HeaderSpaceColon, HeaderNUL, HeaderControl,
		HeaderBareCR, HeaderNameNotASCII, HeaderFold), b.Answer.checkAnswer(on))
}

func (b BadHeader) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	line, field := badLines[b.Fault]
	switch protocol := x.lang.protocol(); {
	case protocol == Stream:
		return x.end(EndClose)
	case protocol == Memcached || protocol == Redis:
		return x.answerHead(&b.Answer, noStatusLine)
	case protocol == GRPC && (!field || b.Fault == HeaderNoColon):
		return x.badStatus(b)
	case field:
		return x.answerWith(b.Answer, line)
	}
	prefix := statusLine(x.lang.protocol())
	switch b.Fault {
	case HeaderStatusLine:
		line = noStatusLine
	case HeaderVersion:
		line = "HTTP/9.9 200 OK"
	case HeaderStatusText:
		line = prefix + "abc OK"
	case HeaderStatusShort:
		line = prefix + "20 OK"
	}
	return x.answerHead(&b.Answer, line)
}

// noStatusLine is no first line of anything.
const noStatusLine = "this is not a status line"

// answerHead answers with another line in place of the first.
func (x *Exchange) answerHead(w *Well, line string) error {
	_, rest, _ := bytes.Cut(x.head(w), []byte("\r\n"))
	if err := x.putFramed(append([]byte(line+"\r\n"), rest...)); err != nil {
		return err
	}
	return x.rest(w)
}

// badStatus answers with a bad status in gRPC, or with none.
func (x *Exchange) badStatus(b BadHeader) error {
	lines := []string{"content-type: application/grpc"}
	switch b.Fault {
	case HeaderStatusText:
		lines = append([]string{":status: abc"}, lines...)
	case HeaderStatusShort:
		lines = append([]string{":status: 20"}, lines...)
	}
	x.gather(x.lang.(*grpcDialect).headers(lines, false))
	return x.rest(&b.Answer)
}
