package fakeupstream

import "fmt"

// CloseReused closes a kept connection just when it is used again: it answers well, and
// ends the connection when the next request comes, without an answer. Clients that keep
// connections meet this in a race with the server's idle timeout. Not for uwsgi and SCGI, which
// keep none: there Any answers well.
type CloseReused struct {
	// Requests is how many requests of a connection are answered first; 0 means 1.
	Requests int `json:"requests,omitempty"`
	// End is EndClose (the default) or EndReset.
	End Ending `json:"end,omitempty"`
	// Answer is what the first requests get.
	Answer Well `json:"answer,omitzero"`
}

func (b CloseReused) String() string {
	return fmt.Sprintf("%s when reused after %d requests", b.End.or(EndClose), max(b.Requests, 1))
}

func (b CloseReused) ending() Ending { return b.End }

func (b CloseReused) Check(on Endpoint) error {
	return first(
		on.not("it keeps no connections", UWSGI, SCGI),
		notNegative("requests", b.Requests),
		oneOf("end", b.End, EndClose, EndReset),
		b.End.check(on),
		b.Answer.checkAnswer(on),
	)
}

func (b CloseReused) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if int(x.count.Load()) <= max(b.Requests, 1) {
		return x.answer(&b.Answer)
	}
	return x.end(b.End)
}
