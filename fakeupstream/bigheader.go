package fakeupstream

import (
	"fmt"
	"strings"
)

// BigHeader answers with a header that is too big: an otherwise good answer with header
// fields X-Big-1, X-Big-2 and so on before the others. Not for memcached and streams, which have
// no header: there Any closes without an answer.
type BigHeader struct {
	// Size is the length of each field's value in bytes; 0 means 65536.
	Size int `json:"size,omitempty"`
	// Count is how many such fields there are; 0 means 1.
	Count int `json:"count,omitempty"`
	// Answer is the rest.
	Answer Well `json:"answer,omitzero"`
}

func (b BigHeader) size() int {
	if b.Size == 0 {
		return 64 << 10
	}
	return b.Size
}

func (b BigHeader) String() string {
	return fmt.Sprintf("%d header fields of %d bytes", max(b.Count, 1), b.size())
}

func (b BigHeader) Check(on Endpoint) error {
	return first(on.not(noFields, Memcached, Redis, MySQL, DNS, Stream), notNegative("size", b.Size), notNegative("count", b.Count), b.Answer.checkAnswer(on))
}

func (b BigHeader) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	value := filler(b.size())
	var lines []string
	for i := range max(b.Count, 1) {
		lines = append(lines, "X-Big-"+itoa(i+1)+": "+value)
	}
	return x.answerWith(b.Answer, lines...)
}

// filler is that many bytes of nothing in particular.
func filler(n int) string { return strings.Repeat("x", n) }

// noFields is why some behaviours are not for some protocols.
const noFields = "its answers have no header fields"

// answerWith answers with lines put before the header fields of w. A protocol that has none gets no answer.
func (x *Exchange) answerWith(w Well, lines ...string) error {
	if !hasHeader(x.lang.protocol()) {
		return x.end(EndClose)
	}
	w.Headers = append(lines, w.Headers...)
	return x.answer(&w)
}
