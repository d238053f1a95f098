package fakeupstream

import (
	"strconv"
	"time"
)

// output is what is being sent. Content is framed as the protocol has it and gathered, so
// that an answer leaves in as few writes as its behaviour allows.
type output struct {
	buf    []byte
	dripBy int           // bytes per write; 0 writes all at once
	every  time.Duration // between such writes
	body   time.Duration // wait between header and body
	chunks bool          // chunks even where the client knows none: HTTP/1.0
}

func (o *output) reset() { *o = output{buf: again(o.buf)} }

const flushAt = 64 << 10

// raw gathers bytes for the wire as they are.
func (x *Exchange) raw(b string) { x.out.buf = append(x.out.buf, b...) }

// gather is raw for bytes.
func (x *Exchange) gather(b []byte) { x.out.buf = append(x.out.buf, b...) }

// put gathers content of a body, framed: in FastCGI it goes in STDOUT records.
func (x *Exchange) put(content []byte) error {
	if err := x.lang.put(x, content); err != nil {
		return err
	}
	if len(x.out.buf) >= flushAt {
		return x.flush()
	}
	return nil
}

// flush writes what was gathered.
func (x *Exchange) flush() error {
	b := x.out.buf
	x.out.buf = b[:0]
	if x.out.dripBy <= 0 {
		return x.write(b)
	}
	for len(b) > 0 {
		n := min(x.out.dripBy, len(b))
		if err := x.write(b[:n]); err != nil {
			return err
		}
		if b = b[n:]; len(b) > 0 {
			if err := x.pause(x.out.every); err != nil {
				return err
			}
		}
	}
	return nil
}

// write sends bytes at once. TLS is agreed on first, when there was nothing to read yet.
func (x *Exchange) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := x.handshake(); err != nil {
		return err
	}
	_, err := x.conn.Write(b)
	return err
}

// putHead gathers the head of an answer.
func (x *Exchange) putHead(w *Well) error {
	return x.putFramed(x.head(w))
}

// putFramed gathers a head, or a part of one.
func (x *Exchange) putFramed(head []byte) error {
	x.gather(x.lang.framed(x, head))
	if len(x.out.buf) >= flushAt {
		return x.flush()
	}
	return nil
}

// head is an answer's head, as text or as the protocol has it.
func (x *Exchange) head(w *Well) []byte { return x.lang.head(x, w) }

// putBody gathers bytes from up to to of the answer's body, in chunks if it has them.
func (x *Exchange) putBody(w *Well, from, to int64) error {
	if x.out.body > 0 {
		if err := x.flush(); err != nil {
			return err
		}
		if err := x.pause(x.out.body); err != nil {
			return err
		}
		x.out.body = 0
	}
	if from == 0 {
		if err := x.put(x.lang.lead(x, w)); err != nil {
			return err
		}
	}
	chunked := x.chunked(w)
	for from < to {
		part := w.piece(from, to)
		if chunked {
			part = append(strconv.AppendInt(nil, int64(len(part)), 16), "\r\n"+string(part)+"\r\n"...)
		}
		if err := x.put(part); err != nil {
			return err
		}
		from += min(to-from, int64(len(pattern)))
	}
	return nil
}

// putEnd gathers what tells that the answer is complete.
func (x *Exchange) putEnd(w *Well) error { return x.lang.end(x, w) }

// answer sends a complete answer, and closes the connection unless it is kept.
func (x *Exchange) answer(w *Well) error {
	if p := x.lang.prebuilt(x.step); p != nil && x.out.plain() {
		if b := p.pick(x, w); b != nil {
			if err := x.write(b); err != nil {
				return err
			}
			return x.after(w)
		}
	}
	if err := x.putHead(w); err != nil {
		return err
	}
	return x.rest(w)
}

// rest sends what follows the head of an answer.
func (x *Exchange) rest(w *Well) error {
	if err := x.putRest(w); err != nil {
		return err
	}
	if err := x.flush(); err != nil {
		return err
	}
	return x.after(w)
}

// putRest gathers the body, if the answer has one, and what ends the answer.
func (x *Exchange) putRest(w *Well) error {
	if x.hasBody(w) {
		if err := x.putBody(w, 0, w.size()); err != nil {
			return err
		}
	}
	if x.hasBody(w) || x.lang.always() {
		return x.putEnd(w)
	}
	return nil
}

// plain tells that nothing is slow about the output.
func (o *output) plain() bool { return o.dripBy == 0 && o.body == 0 }

// after closes after an answer, or keeps the connection for the next.
func (x *Exchange) after(w *Well) error {
	if p := x.persistence(w); p != closing && p != untilClose {
		return nil
	}
	if err := x.write(x.lang.goodbye(x)); err != nil {
		return err
	}
	x.answered()
	return x.close()
}

// partial sends the answer up to a point: after bytes of the part that the point is in, or
// half of that part when after is 0.
func (x *Exchange) partial(w *Well, at Point, after int) error {
	head := x.head(w)
	switch at {
	case AtHeader:
		if err := x.putFramed(head[:portion(int64(len(head)), after)]); err != nil {
			return err
		}
	case AtHeaderEnd, AtBody:
		if err := x.putHead(w); err != nil {
			return err
		}
		if at == AtBody && x.hasBody(w) {
			if err := x.putBody(w, 0, portion(w.size(), after)); err != nil {
				return err
			}
		}
	case AtEnd:
		kept := *w
		kept.Close = false
		if err := x.putHead(&kept); err != nil {
			return err
		}
		if err := x.putRest(w); err != nil {
			return err
		}
	}
	return x.flush()
}

// portion is how much of a part of that size is sent.
func portion(size int64, after int) int64 {
	if after > 0 {
		return min(int64(after), size)
	}
	return size / 2
}
