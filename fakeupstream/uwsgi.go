package fakeupstream

import (
	"encoding/binary"
	"io"
)

// uwsgiDialect is the uwsgi protocol: https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html.
type uwsgiDialect struct{ oneAnswer }

func (uwsgiDialect) protocol() string { return UWSGI }

// readHead reads a packet: modifier1, the size in two bytes with the low one first, modifier2, and the variables.
func (uwsgiDialect) readHead(x *Exchange) error {
	r := &x.req
	if lead := x.first(); lead != 0 {
		x.takeBuffered()
		return unreadable("not uwsgi: modifier1 is %d and not 0", lead)
	}
	head, err := x.br.Peek(4)
	if err != nil {
		x.takeBuffered()
		return cutShort(err, "a uwsgi packet")
	}
	size := int(binary.LittleEndian.Uint16(head[1:]))
	r.head = append(r.head[:0], head...)
	x.br.Discard(4)
	r.params = append(r.params[:0], make([]byte, size)...)
	n, err := io.ReadFull(x.br, r.params)
	r.head = append(r.head, r.params[:min(n, keepRaw)]...)
	if err != nil {
		return cutShort(err, "a uwsgi packet")
	}
	if !eachVar(r.params, r.takeParam) {
		return unreadable("the uwsgi variables are cut short")
	}
	return nil
}

// cutShort is the error of a client that closed within something; other errors are passed on.
func cutShort(err error, within string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return unreadable("the client closed within %s", within)
	}
	return err
}

// eachVar calls f with each variable of a uwsgi packet, and reports whether they were whole.
func eachVar(b []byte, f func(name, value []byte)) bool {
	for len(b) > 0 {
		name, rest, ok1 := sized(b)
		value, rest, ok2 := sized(rest)
		if !ok1 || !ok2 {
			return false
		}
		f(name, value)
		b = rest
	}
	return true
}

// sized takes a text with its size before it, in two bytes with the low one first.
func sized(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.LittleEndian.Uint16(b))
	if b = b[2:]; n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

func (uwsgiDialect) fields(x *Exchange, rec *RequestRecord) { eachVar(x.req.params, rec.addParam) }

func (uwsgiDialect) head(_ *Exchange, w *Well) []byte { return appendHead(nil, w, UWSGI, closing) }
