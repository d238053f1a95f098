package fakeupstream

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"math"
	"strconv"
)

// readBody reads the body of the request, counts the request as read and tells of it.
func (x *Exchange) readBody() error {
	if x.req.bodyDone {
		return nil
	}
	x.sum = bodySum{keep: x.rr >= 0}
	if err := x.readBodyUpTo(math.MaxInt64, &x.sum); err != nil {
		return err
	}
	x.req.bodyDone = true
	x.tell()
	if x.rr >= 0 {
		x.record(func(r *RequestRecord) { r.BodyRead = x.s.opts.Clock.Now() })
	}
	x.recorder.requests.Add(1)
	x.recorder.wake()
	return nil
}

// tell lets the observer know of the request and of what is done about it.
func (x *Exchange) tell() {
	if x.s.opts.Observe != nil {
		what := clipped(x.req.method) + " " + clipped(x.req.uri)
		if x.req.method == nil && x.lang.protocol() == Stream {
			what = itoa(int(x.req.length)) + " bytes"
		}
		x.event(EventRequest, what+" -> "+x.step.text)
	}
}

// readBodyUpTo reads at most that many bytes of the body, and puts them on record.
func (x *Exchange) readBodyUpTo(limit int64, sum *bodySum) (err error) {
	err = x.lang.readBody(x, limit, sum)
	if x.rr >= 0 && sum.n > 0 {
		x.record(func(r *RequestRecord) { r.Body = sum.record() })
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return unreadable("the client closed within the body of the request")
	}
	return err
}

func (httpDialect) readBody(x *Exchange, limit int64, sum *bodySum) error {
	if x.req.expects && limit > 0 {
		if err := x.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return err
		}
	}
	if x.req.length == undeclared {
		return x.readChunks(limit, sum)
	}
	return sum.take(x.br, min(x.req.length, limit))
}

// readChunks reads a chunked body (RFC 9112, 7.1).
func (x *Exchange) readChunks(limit int64, sum *bodySum) error {
	for {
		line, err := x.br.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(trimEnd(line), []byte(";"))
		n, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 64)
		if err != nil || n < 0 {
			return unreadable("a chunk of the body has no size")
		}
		if n == 0 {
			break
		}
		if left := limit - sum.n; n >= left {
			return sum.take(x.br, left)
		}
		if err := sum.take(x.br, n); err != nil {
			return err
		}
		if _, err := x.br.ReadSlice('\n'); err != nil {
			return err
		}
	}
	for { // trailers
		line, err := x.br.ReadSlice('\n')
		if err != nil || len(trimEnd(line)) == 0 {
			return err
		}
	}
}

// bodySum takes in a body: its length and start, and when it is for the record its hash.
type bodySum struct {
	keep  bool
	n     int64
	start []byte
	hash  hash.Hash
}

// take reads n bytes of body.
func (b *bodySum) take(r *bufio.Reader, n int64) error {
	for n > 0 {
		if _, err := r.Peek(1); err != nil {
			return err
		}
		part, _ := r.Peek(int(min(int64(r.Buffered()), n)))
		b.Write(part)
		r.Discard(len(part))
		n -= int64(len(part))
	}
	return nil
}

func (b *bodySum) Write(p []byte) (int, error) {
	b.n += int64(len(p))
	if b.keep {
		if b.hash == nil {
			b.hash = sha256.New()
		}
		b.hash.Write(p)
	}
	b.start = append(b.start, p[:min(len(p), keepBody-len(b.start))]...)
	return len(p), nil
}

func (b *bodySum) record() BodyRecord {
	r := BodyRecord{Length: b.n, Start: string(b.start)}
	if b.hash != nil {
		r.SHA256 = hex.EncodeToString(b.hash.Sum(nil))
	}
	return r
}
