package fakeupstream

import (
	"errors"
	"fmt"
)

// EarlyAnswer answers before it has read the body of the request, as a server does that
// refuses an upload. The request is then not counted as read in full. Not for memcached and
// streams, whose requests have no body: there Any answers and ends as usual.
type EarlyAnswer struct {
	// After is how many bytes of the request's body are read before; 0 is none.
	After int64 `json:"after,omitempty"`
	// End is how the connection ends: EndClose (the default) sends FIN and throws away
	// what still comes; EndReset; EndStall reads on and says no more.
	End Ending `json:"end,omitempty"`
	// Answer is what is sent; without a status it is 413 Content Too Large.
	Answer Well `json:"answer,omitzero"`
}

func (b EarlyAnswer) answer() Well {
	w := b.Answer
	if w.Status == 0 {
		w.Status = 413
	}
	w.Close = b.End != EndStall
	return w
}

func (b EarlyAnswer) String() string {
	w := b.answer()
	return fmt.Sprintf("early answer %d after %d bytes of body%s", w.status(), b.After, b.End.then(EndClose))
}

func (b EarlyAnswer) ending() Ending { return b.End }

func (b EarlyAnswer) Check(on Endpoint) error {
	if b.End == EndKeep {
		return errors.New("end: after an early answer the connection cannot be kept; give close, reset or stall")
	}
	return first(on.not("its requests have no body", Memcached, Redis, MySQL, DNS, Stream), notNegative("after", b.After), b.End.check(on), b.Answer.checkAnswer(on))
}

func (b EarlyAnswer) Serve(x *Exchange) error {
	if err := x.ReadHead(); err != nil {
		return err
	}
	if b.After > 0 {
		if err := x.readBodyUpTo(b.After, &bodySum{keep: x.rr >= 0}); err != nil {
			return err
		}
	}
	x.tell()
	w := b.answer()
	if err := x.putHead(&w); err != nil {
		return err
	}
	if err := x.putRest(&w); err != nil {
		return err
	}
	if err := x.flush(); err != nil {
		return err
	}
	x.awaitRead()
	return x.end(b.End)
}
