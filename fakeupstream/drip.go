package fakeupstream

import (
	"fmt"
	"time"
)

// Drip sends the answer slowly: a few bytes, a wait, a few bytes more.
type Drip struct {
	// Bytes is how many go in one write; 0 means 1.
	Bytes int `json:"bytes,omitempty"`
	// Every is the wait between writes, by the Server's Clock. It must be given.
	Every time.Duration `json:"every,omitempty"`
	// From is AtHeader (the default), to drip from the first byte on, or AtBody, to send
	// the header at once.
	From Point `json:"from,omitempty"`
	// Answer is what is sent.
	Answer Well `json:"answer,omitzero"`
}

func (b Drip) bytes() int { return max(b.Bytes, 1) }

func (b Drip) String() string {
	return fmt.Sprintf("drip %d bytes every %v from %s", b.bytes(), b.Every, b.From.or(AtHeader))
}

func (b Drip) Check(on Endpoint) error {
	if err := given("every", b.Every, `say how long to wait between writes, such as "100ms"`); err != nil {
		return err
	}
	return first(
		notNegative("bytes", b.Bytes),
		oneOf("from", b.From, AtHeader, AtBody),
		b.Answer.checkAnswer(on),
	)
}

func (b Drip) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if b.From == AtBody {
		if err := x.partial(&b.Answer, AtHeaderEnd, 0); err != nil {
			return err
		}
		x.out.dripBy, x.out.every = b.bytes(), b.Every
		return x.rest(&b.Answer)
	}
	x.out.dripBy, x.out.every = b.bytes(), b.Every
	return x.answer(&b.Answer)
}
