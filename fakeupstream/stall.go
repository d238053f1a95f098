package fakeupstream

// Stall sends a part of the answer and then nothing more; the connection stays open until
// the client closes it.
type Stall struct {
	// At is AtHeader, AtHeaderEnd, AtBody (the default) or AtEnd. At AtEnd the answer lacks
	// only what ends it, if its protocol has that: the last chunk, FastCGI's END_REQUEST, gRPC's trailers, or
	// memcached's END.
	At Point `json:"at,omitempty"`
	// After is how many bytes of the header or body are sent before, for AtHeader and
	// AtBody; 0 means half.
	After int `json:"after,omitempty"`
	// Answer is what is sent in part.
	Answer Well `json:"answer,omitzero"`
}

func (b Stall) String() string { return "stall at " + string(b.At.or(AtBody)) }

func (b Stall) Check(on Endpoint) error {
	return first(
		on.at(b.At, AtHeader, AtHeaderEnd, AtBody, AtEnd),
		b.At.part(on),
		notNegative("after", b.After),
		b.Answer.checkAnswer(on),
	)
}

func (b Stall) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	at := b.At.or(AtBody)
	if at == AtEnd {
		if err := x.unterminated(&b.Answer); err != nil {
			return err
		}
		return x.end(EndStall)
	}
	if err := x.partial(&b.Answer, at, b.After); err != nil {
		return err
	}
	return x.end(EndStall)
}

// unterminated sends an answer without what marks its end.
func (x *Exchange) unterminated(w *Well) error {
	if err := x.putHead(w); err != nil {
		return err
	}
	if x.hasBody(w) {
		if err := x.putBody(w, 0, w.size()); err != nil {
			return err
		}
	}
	return x.flush()
}

// cut sends an answer up to the middle of its body, and ends.
func (x *Exchange) cut(w *Well, e Ending) error {
	if err := x.partial(w, AtBody, 0); err != nil {
		return err
	}
	return x.end(e)
}
