package fakeupstream

import (
	"bytes"
	"errors"
)

// BadHeader answers with a header that is not valid. All the rest of the answer is good.
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
	HeaderStatusLine   HeaderFault = "status-line"        // the first line is no status line (HTTP only)
	HeaderVersion      HeaderFault = "version"            // HTTP/9.9 (HTTP only)
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

func (b BadHeader) check(on place) error {
	if on.protocol == FastCGI && (b.Fault == HeaderStatusLine || b.Fault == HeaderVersion) {
		return errors.New("fault: " + string(b.Fault) + " is of HTTP; a FastCGI answer has no status line")
	}
	return first(required("fault", b.Fault,
		HeaderStatusLine, HeaderVersion, HeaderStatusText, HeaderStatusShort, HeaderNoColon,
		HeaderEmptyName, HeaderSpaceInName, HeaderSpaceColon, HeaderNUL, HeaderControl,
		HeaderBareCR, HeaderNameNotASCII, HeaderFold), b.Answer.checkAnswer(on))
}

func (b BadHeader) play(x *exchange) error {
	if err := x.readRequest(); err != nil {
		return err
	}
	if line, ok := badLines[b.Fault]; ok {
		return x.answerWith(b.Answer, line)
	}
	prefix := "HTTP/1.1 "
	if x.s.protocol == FastCGI {
		prefix = "Status: "
	}
	line := ""
	switch b.Fault {
	case HeaderStatusLine:
		line = "this is not a status line"
	case HeaderVersion:
		line = "HTTP/9.9 200 OK"
	case HeaderStatusText:
		line = prefix + "abc OK"
	case HeaderStatusShort:
		line = prefix + "20 OK"
	}
	_, rest, _ := bytes.Cut(x.head(&b.Answer), []byte("\r\n"))
	if err := x.put(append([]byte(line+"\r\n"), rest...)); err != nil {
		return err
	}
	return x.rest(&b.Answer)
}
