package fakeupstream

import (
	"encoding/binary"
	"io"
)

// Record types, FastCGI 1.0 section 8.
const (
	fcgiBegin     = 1
	fcgiAbort     = 2
	fcgiEnd       = 3
	fcgiParams    = 4
	fcgiStdin     = 5
	fcgiStdout    = 6
	fcgiStderr    = 7
	fcgiData      = 8
	fcgiGetValues = 9
	fcgiValues    = 10
	fcgiUnknown   = 11
)

// Protocol statuses of END_REQUEST, section 5.5.
const (
	fcgiComplete      = 0
	fcgiCantMultiplex = 1
	fcgiOverloaded    = 2
	fcgiUnknownRole   = 3
)

const (
	fcgiResponder = 1
	fcgiKeepConn  = 1
	fcgiMaxRecord = 65528 // content bytes per record that is sent: the most that needs no padding
)

// appendRecord appends one record (section 3.3), padded to a multiple of 8 bytes.
func appendRecord(dst []byte, kind byte, id uint16, content []byte) []byte {
	pad := -len(content) & 7
	dst = append(dst, 1, kind, byte(id>>8), byte(id), byte(len(content)>>8), byte(len(content)), byte(pad), 0)
	dst = append(dst, content...)
	return append(dst, "\x00\x00\x00\x00\x00\x00\x00"[:pad]...)
}

// appendStream appends content in as many records as it takes, and none when it is empty,
// since an empty record ends a stream.
func appendStream(dst []byte, kind byte, id uint16, content []byte) []byte {
	for len(content) > 0 {
		n := min(len(content), fcgiMaxRecord)
		dst = appendRecord(dst, kind, id, content[:n])
		content = content[n:]
	}
	return dst
}

// appendEnd appends END_REQUEST (section 5.5).
func appendEnd(dst []byte, id uint16, app uint32, protocol byte) []byte {
	body := binary.BigEndian.AppendUint32(nil, app)
	return appendRecord(dst, fcgiEnd, id, append(body, protocol, 0, 0, 0))
}

// fcgiHeader is the head of a record that arrived.
type fcgiHeader struct {
	kind    byte
	id      uint16
	length  int
	padding int
}

// nextRecord reads the head of a record.
func (x *Exchange) nextRecord() (fcgiHeader, error) {
	b, err := x.br.Peek(8)
	if err != nil {
		if len(b) > 0 && err == io.EOF {
			x.takeBuffered()
			return fcgiHeader{}, unreadable("the client closed within a FastCGI record")
		}
		return fcgiHeader{}, err
	}
	if b[0] != 1 {
		x.takeBuffered()
		return fcgiHeader{}, unreadable("not FastCGI: version is %d", b[0])
	}
	h := fcgiHeader{b[1], binary.BigEndian.Uint16(b[2:]), int(binary.BigEndian.Uint16(b[4:])), int(b[6])}
	x.br.Discard(8)
	return h, nil
}

// content appends the content of a record to dst and skips its padding.
func (x *Exchange) content(h fcgiHeader, dst []byte) ([]byte, error) {
	n := len(dst)
	dst = append(dst, make([]byte, h.length)...)
	if _, err := io.ReadFull(x.br, dst[n:]); err != nil {
		return nil, unreadable("the client closed within a FastCGI record")
	}
	_, err := x.br.Discard(h.padding)
	return dst, err
}

// fcgiDialect is FastCGI.
type fcgiDialect struct{ plain }

func (fcgiDialect) protocol() string           { return FastCGI }
func (fcgiDialect) readHead(x *Exchange) error { return x.readParams(x.first()) }

func (fcgiDialect) fields(x *Exchange, rec *RequestRecord) { eachParam(x.req.params, rec.addParam) }

func (fcgiDialect) readBody(x *Exchange, limit int64, sum *bodySum) error {
	return x.readStdin(limit, sum)
}

func (fcgiDialect) head(_ *Exchange, w *Well) []byte { return appendHead(nil, w, FastCGI, keeping) }

func (fcgiDialect) framed(x *Exchange, head []byte) []byte {
	return appendStream(nil, fcgiStdout, x.req.id, head)
}

func (fcgiDialect) put(x *Exchange, content []byte) error {
	x.out.buf = appendStream(x.out.buf, fcgiStdout, x.req.id, content)
	return nil
}

func (fcgiDialect) end(x *Exchange, _ *Well) error {
	x.out.buf = appendRecord(x.out.buf, fcgiStdout, x.req.id, nil)
	x.out.buf = appendEnd(x.out.buf, x.req.id, 0, fcgiComplete)
	return nil
}

func (fcgiDialect) always() bool { return true }

func (fcgiDialect) persistence(x *Exchange, w *Well) persistence {
	if !x.req.keep || w.Close {
		return closing
	}
	return keeping
}

func (fcgiDialect) prebuilt(s *step) *prebuilt { return s.fcgi }

// readParams reads BEGIN_REQUEST and the whole PARAMS stream (section 5).
func (x *Exchange) readParams(lead byte) error {
	r := &x.req
	if lead != 1 {
		x.takeBuffered()
		return unreadable("not FastCGI: the first byte is 0x%02x", lead)
	}
	for begun := false; ; {
		h, err := x.nextRecord()
		if err != nil {
			return err
		}
		switch {
		case h.id == 0 || h.kind == fcgiBegin && begun && h.id != r.id:
			if err := x.aside(h); err != nil {
				return err
			}
		case h.kind == fcgiBegin:
			b, err := x.content(h, r.head[:0])
			if err != nil {
				return err
			}
			r.head = b
			if len(b) < 8 {
				return unreadable("BEGIN_REQUEST has %d bytes and not 8", len(b))
			}
			r.keep = b[2]&fcgiKeepConn != 0
			if role := binary.BigEndian.Uint16(b); role != fcgiResponder {
				if err := x.write(appendEnd(nil, h.id, 0, fcgiUnknownRole)); err != nil {
					return err
				}
				return unreadable("role %d is not the responder's", role)
			}
			r.id, begun = h.id, true
		case h.kind == fcgiParams && begun && h.id == r.id:
			if h.length == 0 {
				x.br.Discard(h.padding)
				return r.parseParams()
			}
			if r.params, err = x.content(h, r.params); err != nil {
				return err
			}
			if len(r.params) > maxHead {
				return unreadable("the parameters have more than %d bytes", maxHead)
			}
		case h.kind == fcgiAbort:
			return unreadable("the request was aborted")
		default: // of a request that is not there: to be ignored, section 3.3
			x.br.Discard(h.length + h.padding)
		}
	}
}

// aside answers records that are not part of the request: management records (section 4)
// and a second request at once.
func (x *Exchange) aside(h fcgiHeader) error {
	b, err := x.content(h, nil)
	if err != nil {
		return err
	}
	switch {
	case h.id != 0:
		return x.write(appendEnd(nil, h.id, 0, fcgiCantMultiplex))
	case h.kind == fcgiGetValues:
		var values []byte
		eachParam(b, func(name, _ []byte) {
			switch string(name) {
			case "FCGI_MAX_CONNS", "FCGI_MAX_REQS":
				values = appendParam(values, string(name), "1000")
			case "FCGI_MPXS_CONNS":
				values = appendParam(values, string(name), "0")
			}
		})
		return x.write(appendRecord(nil, fcgiValues, 0, values))
	}
	return x.write(appendRecord(nil, fcgiUnknown, 0, []byte{h.kind, 0, 0, 0, 0, 0, 0, 0}))
}

// parseParams takes what the exchange needs from the parameters.
func (r *request) parseParams() error {
	if !eachParam(r.params, r.takeParam) {
		r.head = r.params
		return unreadable("the FastCGI parameters are cut short")
	}
	return nil
}

// readStdin reads the STDIN stream to its end, or until it has given limit bytes.
func (x *Exchange) readStdin(limit int64, sum *bodySum) error {
	for sum.n < limit {
		h, err := x.nextRecord()
		if err != nil {
			return err
		}
		switch {
		case h.kind == fcgiStdin && h.id == x.req.id:
			if h.length == 0 {
				_, err := x.br.Discard(h.padding)
				return err
			}
			if err := sum.take(x.br, int64(h.length)); err != nil {
				return err
			}
			if _, err := x.br.Discard(h.padding); err != nil {
				return err
			}
		case h.kind == fcgiAbort && h.id == x.req.id:
			return unreadable("the request was aborted")
		case h.id == 0 || h.kind == fcgiBegin:
			if err := x.aside(h); err != nil {
				return err
			}
		default:
			if _, err := x.br.Discard(h.length + h.padding); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachParam calls f with each name and value (section 3.4), and reports whether they were whole.
func eachParam(b []byte, f func(name, value []byte)) bool {
	for len(b) > 0 {
		n, rest, ok1 := paramLength(b)
		v, rest, ok2 := paramLength(rest)
		if !ok1 || !ok2 || n+v > len(rest) {
			return false
		}
		f(rest[:n], rest[n:n+v])
		b = rest[n+v:]
	}
	return true
}

// paramLength reads a length of one byte, or of four when the first has its high bit set.
func paramLength(b []byte) (int, []byte, bool) {
	switch {
	case len(b) >= 1 && b[0] < 0x80:
		return int(b[0]), b[1:], true
	case len(b) >= 4:
		return int(binary.BigEndian.Uint32(b) & 0x7fffffff), b[4:], true
	}
	return 0, nil, false
}

// appendParam appends a name and a value.
func appendParam(dst []byte, name, value string) []byte {
	for _, s := range []string{name, value} {
		if len(s) < 0x80 {
			dst = append(dst, byte(len(s)))
		} else {
			dst = binary.BigEndian.AppendUint32(dst, uint32(len(s))|0x80000000)
		}
	}
	return append(append(dst, name...), value...)
}
