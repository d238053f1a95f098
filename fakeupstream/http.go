package fakeupstream

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
)

const (
	maxHead    = 1 << 20 // bytes of a request's head that are read before giving up
	keepBody   = 4 << 10 // bytes of a request's body on record
	keepRaw    = 64      // bytes on record of what could not be read
	undeclared = -1      // a chunked body
)

// request is the request being served. Its slices point into head.
type request struct {
	head        []byte // as read: HTTP's head with its line ends, FastCGI's parameters decoded from params
	method, uri []byte
	proto       []byte
	length      int64 // of the body; undeclared when it is chunked
	keep        bool  // the client would keep the connection
	http10      bool
	isHead      bool
	expects     bool // 100-continue
	id          uint16
	headDone    bool
	bodyDone    bool
	params      []byte
}

func (r *request) reset() { *r = request{head: again(r.head), params: again(r.params)} }

// again is a buffer to be used again. A large one is let go: the client may keep its connection for long.
func again(b []byte) []byte {
	if cap(b) > 2*keepHead {
		return nil
	}
	return b[:0]
}

// firstBytes is the start of what was read, for the record.
func (r *request) firstBytes() []byte {
	return append([]byte(nil), r.head[:min(len(r.head), keepRaw)]...)
}

// ReadRequest reads the request to its end, as far as that was not done. It is counted as read then.
func (x *Exchange) ReadRequest() error {
	if err := x.ReadHead(); err != nil {
		return err
	}
	return x.readBody()
}

// ReadHead reads the head of the request, if that was not done: what comes before its body.
func (x *Exchange) ReadHead() error {
	if x.req.headDone {
		return nil
	}
	if err := x.handshake(); err != nil {
		return err
	}
	if err := x.recognize(); err != nil {
		return err
	}
	if err := x.lang.await(x); err != nil {
		return err
	}
	x.started()
	if err := x.lang.readHead(x); err != nil {
		return err
	}
	x.req.headDone = true
	if x.rr >= 0 {
		x.recordHead()
	}
	return x.takenByRule()
}

// recordHead puts the head on record.
func (x *Exchange) recordHead() {
	x.record(func(rec *RequestRecord) {
		rec.HeadRead = x.s.opts.Clock.Now()
		x.describe(rec)
	})
}

// describe fills in what the head says.
func (x *Exchange) describe(rec *RequestRecord) {
	r := &x.req
	rec.Method, rec.URI, rec.Protocol = clipped(r.method), clipped(r.uri), clipped(r.proto)
	rec.HeadCut = len(r.uri) > keepHead || len(r.method) > keepHead || len(r.proto) > keepHead
	rec.Keep = r.keep
	x.lang.fields(x, rec)
}

// eachLine calls f with each header line of a head.
func eachLine(head []byte, f func(line []byte)) {
	_, rest, _ := bytes.Cut(head, []byte("\n"))
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
			return
		}
		f(line)
	}
}

// readHTTPHead reads a head (RFC 9112, 2 and 3). What is no HTTP is found out as early as
// can be, since its sender may be waiting for a reply before it sends more.
func (x *Exchange) readHTTPHead(lead byte) error {
	r := &x.req
	if !tokenByte(lead) && lead != '\r' && lead != '\n' {
		x.takeBuffered()
		return unreadable("not HTTP: the first byte is 0x%02x", lead)
	}
	for {
		start := len(r.head)
		for {
			part, err := x.br.ReadSlice('\n')
			r.head = append(r.head, part...)
			if len(r.head) > maxHead {
				return unreadable("the head of the request has more than %d bytes", maxHead)
			}
			if err == bufio.ErrBufferFull {
				continue
			}
			if err == io.EOF {
				return unreadable("the client closed within the head of the request")
			}
			if err != nil {
				return err
			}
			break
		}
		line := trimEnd(r.head[start:])
		switch {
		case r.method == nil && len(line) == 0: // a robust server skips these: RFC 9112, 2.2
			r.head = r.head[:0]
		case r.method == nil:
			if !r.requestLine(line) {
				return unreadable("not an HTTP request line")
			}
		case len(line) == 0:
			r.point()
			return nil
		default:
			if why := r.header(line); why != "" {
				return unreadable("%s", why)
			}
		}
	}
}

// first is the first byte of a request that has begun.
func (x *Exchange) first() byte {
	b, _ := x.br.Peek(1)
	return b[0]
}

// takeBuffered moves what has arrived to the head, for the record.
func (x *Exchange) takeBuffered() {
	b, _ := x.br.Peek(min(x.br.Buffered(), keepRaw))
	x.req.head = append(x.req.head[:0], b...)
}

func trimEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// requestLine takes apart "GET /path HTTP/1.1".
func (r *request) requestLine(line []byte) bool {
	i := bytes.IndexByte(line, ' ')
	j := bytes.LastIndexByte(line, ' ')
	if i <= 0 || j <= i+1 {
		return false
	}
	r.method, r.uri, r.proto = line[:i], line[i+1:j], line[j+1:]
	if len(r.proto) != 8 || string(r.proto[:7]) != "HTTP/1." {
		return false
	}
	for _, c := range r.method {
		if !tokenByte(c) {
			return false
		}
	}
	r.http10 = r.proto[7] == '0'
	r.keep = !r.http10
	r.isHead = string(r.method) == "HEAD"
	return true
}

// point sets the slices anew, as head may have moved while it grew.
func (r *request) point() {
	end := bytes.IndexByte(r.head, '\n')
	r.requestLineAgain(trimEnd(r.head[:end+1]))
}

func (r *request) requestLineAgain(line []byte) {
	i, j := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	r.method, r.uri, r.proto = line[:i], line[i+1:j], line[j+1:]
}

// header looks at the fields that say how to read on. It returns what is wrong, if
// something is.
func (r *request) header(line []byte) string {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return "a header line has no name"
	}
	name, value := line[:i], line[i+1:]
	switch len(name) {
	case len("connection"):
		if bytes.EqualFold(name, []byte("connection")) {
			if containsFold(value, "close") {
				r.keep = false
			} else if containsFold(value, "keep-alive") {
				r.keep = true
			}
		}
	case len("content-length"):
		if bytes.EqualFold(name, []byte("content-length")) && r.length != undeclared {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			if err != nil || n < 0 {
				return "Content-Length is not a number"
			}
			r.length = n
		}
	case len("transfer-encoding"):
		if bytes.EqualFold(name, []byte("transfer-encoding")) && containsFold(value, "chunked") {
			r.length = undeclared
		}
	case len("expect"):
		if bytes.EqualFold(name, []byte("expect")) && containsFold(value, "100-continue") {
			r.expects = true
		}
	}
	return ""
}

func containsFold(value []byte, word string) bool {
	return bytes.Contains(bytes.ToLower(value), []byte(word))
}

// tokenByte tells the bytes that a method may have (RFC 9110, 5.6.2), in short.
func tokenByte(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_'
}

// hasBody reports whether an answer to this request carries one.
func (x *Exchange) hasBody(w *Well) bool { return x.lang.hasBody(x, w) }

// persistence tells what becomes of the connection after a well answer.
func (x *Exchange) persistence(w *Well) persistence { return x.lang.persistence(x, w) }

// chunked reports whether the body goes in chunks. A client of HTTP/1.0 knows none: what would be chunked ends with the
// connection then, as application servers do it.
func (x *Exchange) chunked(w *Well) bool {
	return w.Chunked && x.lang.protocol() == HTTP && (!x.req.http10 || x.out.chunks)
}

// httpDialect is HTTP/1.0 and HTTP/1.1.
type httpDialect struct{ plain }

func (httpDialect) protocol() string { return HTTP }

func (httpDialect) readHead(x *Exchange) error { return x.readHTTPHead(x.first()) }

func (httpDialect) fields(x *Exchange, rec *RequestRecord) {
	eachLine(x.req.head, func(line []byte) {
		n, v, _ := bytes.Cut(line, []byte(":"))
		rec.keep(&rec.Headers, n, bytes.TrimSpace(v))
	})
}

func (httpDialect) badRequest(*Exchange) []byte {
	return []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

func (httpDialect) head(x *Exchange, w *Well) []byte {
	return appendHead(nil, w, HTTP, x.persistence(w))
}

func (httpDialect) hasBody(x *Exchange, w *Well) bool {
	return w.size() > 0 && !x.req.isHead || x.chunked(w) && !x.req.isHead && !w.bodiless()
}

func (httpDialect) end(x *Exchange, w *Well) error {
	if x.chunked(w) {
		return x.put([]byte("0\r\n\r\n"))
	}
	return nil
}

func (httpDialect) persistence(x *Exchange, w *Well) persistence {
	switch {
	case w.Chunked && !x.chunked(w):
		return untilClose
	case !x.req.keep || w.Close:
		return closing
	case x.req.http10:
		return keeping1_0
	}
	return keeping
}

func (httpDialect) prebuilt(s *step) *prebuilt { return s.pre }
