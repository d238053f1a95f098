package fakeupstream

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Well answers well: "200 OK" with the body "ok\n" unless told otherwise. Behaviours that
// send an answer, or part of one, have a Well to say which.
//
// An HTTP/1.1 connection is kept (RFC 9112, 9.3) unless the request or Close says
// otherwise; a FastCGI connection is kept if the request had FCGI_KEEP_CONN. Those of gRPC,
// memcached and streams are kept, and in uwsgi and SCGI an answer ends with its connection.
//
// A gRPC answer has the Status, and the grpc-status that gRPC's mapping has for it. For memcached a Status from 200 to 299
// gives the body as the item that was asked for, 404 says that there is none, and others are a SERVER_ERROR; it has no
// header. Redis has the same, with an ERR. MySQL has no status: the body is a
// value, and a [MySQLError] is an error. A stream has neither status nor header, so that the body is all there is. A well answer of DNS is the
// address that was asked; a [DNSAnswer] says others.
type Well struct {
	// Status is from 200 to 999; 0 means 200.
	Status int `json:"status,omitempty"`
	// Headers are lines such as "Content-Type: text/html", sent in this order. They take
	// the place of the Content-Type and Content-Length that are sent by default. FastCGI
	// answers have no Content-Length by default, and neither have those of uwsgi and SCGI.
	// In gRPC those whose name begins with "grpc-" go in the trailers.
	Headers []string `json:"headers,omitempty"`
	// Body is the body; empty means "ok\n". BodySize asks for that many bytes of a
	// fixed pattern instead, and NoBody for none.
	Body     string `json:"body,omitempty"`
	BodySize int64  `json:"body_size,omitempty"`
	NoBody   bool   `json:"no_body,omitempty"`
	// Chunked sends the body in chunks, with no Content-Length (HTTP only). A client of
	// HTTP/1.0 gets the body without chunks, and its end is that of the connection.
	Chunked bool `json:"chunked,omitempty"`
	// Close closes the connection after the answer, and says so in it.
	Close bool `json:"close,omitempty"`
}

func (w Well) String() string {
	s := "answer " + strconv.Itoa(w.status())
	if w.BodySize > 0 {
		s += fmt.Sprintf(" with %d bytes", w.BodySize)
	}
	if w.Close {
		s += " and close"
	}
	return s
}

func (w Well) Serve(x *Exchange) error { return w.serve(x) }

func (w *Well) serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	return x.answer(w)
}

func (w Well) Check(on Endpoint) error {
	if w.Status != 0 && (w.Status < 200 || w.Status > 999) {
		return fmt.Errorf("status: %d is not the status of a final answer; give 200 to 999", w.Status)
	}
	for i, h := range w.Headers {
		name, _, ok := strings.Cut(h, ":")
		if !ok || name == "" || strings.ContainsAny(h, "\r\n\x00") || strings.ContainsAny(name, " \t") {
			return fmt.Errorf(`headers[%d]: %q is not a header line; write "Name: value" (bad-header sends bad ones)`, i, h)
		}
	}
	if w.Chunked && !on.may(HTTP) {
		return fmt.Errorf("chunked: %s has no chunks; remove it", title(on.Protocol))
	}
	if len(w.Headers) > 0 && !hasHeader(on.Protocol) {
		return fmt.Errorf("headers: %s has no header; remove them", title(on.Protocol))
	}
	if on.Protocol == MySQL && w.BodySize > maxValue {
		return fmt.Errorf("body_size: a value of MySQL's has %d bytes at the most here", maxValue)
	}
	if w.Status != 0 && (on.Protocol == Stream || on.Protocol == MySQL || on.Protocol == DNS) {
		return fmt.Errorf("status: %s has no status; remove it", title(on.Protocol))
	}
	given := 0
	for _, b := range []bool{w.Body != "", w.BodySize != 0, w.NoBody} {
		if b {
			given++
		}
	}
	if given > 1 {
		return errors.New("body: give one of body, body_size and no_body")
	}
	return notNegative("body_size", w.BodySize)
}

// answer is the check of a Well inside of another behaviour.
func (w Well) checkAnswer(on Endpoint) error {
	if err := w.Check(on); err != nil {
		return fmt.Errorf("answer.%w", err)
	}
	return nil
}

func (w *Well) status() int {
	if w.Status == 0 {
		return 200
	}
	return w.Status
}

// bodiless statuses never have a body (RFC 9110, 15.3.5 and 15.4.5).
func (w *Well) bodiless() bool { return w.Status == 204 || w.Status == 304 }

// size is the length of the body in bytes.
func (w *Well) size() int64 {
	switch {
	case w.NoBody || w.bodiless():
		return 0
	case w.BodySize > 0:
		return w.BodySize
	case w.Body != "":
		return int64(len(w.Body))
	}
	return int64(len(okBody))
}

const okBody = "ok\n"

// pattern is what bodies of a given size repeat.
var pattern = bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n"), 512)

// piece gives bytes of the body from from, as many as are at hand and no further than to.
func (w *Well) piece(from, to int64) []byte {
	text := w.Body
	switch {
	case w.BodySize > 0:
		start := from % int64(len(pattern))
		n := min(to-from, int64(len(pattern)))
		if start == 0 {
			return pattern[:n]
		}
		doubled := append(append([]byte(nil), pattern[start:]...), pattern[:start]...)
		return doubled[:n]
	case text == "":
		text = okBody
	}
	return []byte(text[from:min(to, from+int64(len(pattern)))])
}

// has reports whether the headers given have that name.
func (w *Well) has(name string) bool {
	for _, h := range w.Headers {
		if n, _, _ := strings.Cut(h, ":"); strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// persistence is what is said about keeping the connection.
type persistence int

const (
	keeping    persistence = iota // the protocol's default, nothing is said
	keeping1_0                    // HTTP/1.0, where keeping has to be said
	closing
	untilClose // HTTP/1.0: the body has no length and ends with the connection
	persistences
)

// appendHead appends the head of an answer: a status line and header for HTTP, a CGI
// header for FastCGI and SCGI (RFC 3875, 6.3), a status line and that header for uwsgi.
func appendHead(dst []byte, w *Well, protocol string, p persistence) []byte {
	dst = append(dst, statusLine(protocol)...)
	dst = strconv.AppendInt(dst, int64(w.status()), 10)
	dst = append(append(dst, ' '), http.StatusText(w.status())...)
	dst = append(dst, "\r\n"...)
	for _, h := range w.Headers {
		dst = append(append(dst, h...), "\r\n"...)
	}
	if !w.has("Content-Type") && w.size() > 0 {
		dst = append(dst, "Content-Type: text/plain\r\n"...)
	}
	if protocol != HTTP {
		if w.size() == 0 && !w.has("Content-Type") {
			dst = append(dst, "Content-Type: text/plain\r\n"...)
		}
		return append(dst, "\r\n"...)
	}
	switch {
	case p == untilClose:
	case w.Chunked && !w.bodiless():
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case !w.has("Content-Length") && !w.has("Transfer-Encoding") && !w.bodiless():
		dst = append(dst, "Content-Length: "...)
		dst = append(strconv.AppendInt(dst, w.size(), 10), "\r\n"...)
	}
	switch p {
	case closing, untilClose:
		dst = append(dst, "Connection: close\r\n"...)
	case keeping1_0:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// prebuilt holds the finished bytes of a small answer, so that answering well costs one
// write and no work.
type prebuilt struct{ whole, headOnly [persistences][]byte }

func prebuild(w *Well, protocol string) *prebuilt {
	if w.size() > int64(len(pattern)) || w.Chunked {
		return nil
	}
	p := &prebuilt{}
	for i := range persistences {
		head := appendHead(nil, w, protocol, i)
		all := append(bytes.Clone(head), w.piece(0, w.size())...)
		if protocol == FastCGI {
			all = appendStream(nil, fcgiStdout, 1, all)
			all = appendRecord(all, fcgiStdout, 1, nil)
			all = appendEnd(all, 1, 0, fcgiComplete)
		}
		p.whole[i], p.headOnly[i] = all, head
	}
	return p
}

// pick gives the bytes for the current request, or nil if they have to be made for it.
func (p *prebuilt) pick(x *Exchange, w *Well) []byte {
	keep := x.persistence(w)
	if x.lang.protocol() == FastCGI {
		if x.req.id != 1 {
			return nil
		}
		return p.whole[keep]
	}
	if !x.hasBody(w) {
		return p.headOnly[keep]
	}
	return p.whole[keep]
}
