package fakeupstream

import (
	"bytes"
	"io"
)

// scgiDialect is SCGI: https://python.ca/scgi/protocol.txt.
type scgiDialect struct{ oneAnswer }

func (scgiDialect) protocol() string { return SCGI }

// readHead reads a netstring of names and values, each of which ends with a NUL.
func (scgiDialect) readHead(x *Exchange) error {
	r := &x.req
	size := 0
	for n := 0; ; n++ {
		c, err := x.br.ReadByte()
		if err != nil {
			return cutShort(err, "the size of a netstring")
		}
		r.head = append(r.head, c)
		if c == ':' && n > 0 {
			break
		}
		if c < '0' || c > '9' || n > 7 {
			return unreadable("not SCGI: the request does not begin with the size of a netstring")
		}
		size = size*10 + int(c-'0')
	}
	if size > maxHead {
		return unreadable("the header has %d bytes, more than %d", size, maxHead)
	}
	r.params = append(r.params[:0], make([]byte, size)...)
	n, err := io.ReadFull(x.br, r.params)
	r.head = append(r.head, r.params[:min(n, keepRaw)]...)
	if err != nil {
		return cutShort(err, "the header")
	}
	comma, err := x.br.ReadByte()
	if err != nil {
		return cutShort(err, "the header")
	}
	if comma != ',' || !eachPair(r.params, r.takeParam) {
		return unreadable("not SCGI: the header is not a netstring of names and values")
	}
	return nil
}

// eachPair calls f with each name and value of an SCGI header, and reports whether they were whole.
func eachPair(b []byte, f func(name, value []byte)) bool {
	for len(b) > 0 {
		name, rest, ok1 := bytes.Cut(b, []byte{0})
		value, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok1 || !ok2 {
			return false
		}
		f(name, value)
		b = rest
	}
	return true
}

func (scgiDialect) fields(x *Exchange, rec *RequestRecord) { eachPair(x.req.params, rec.addParam) }

func (scgiDialect) head(_ *Exchange, w *Well) []byte { return appendHead(nil, w, SCGI, closing) }
