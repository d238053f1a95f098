package fakeupstream

// Close closes the connection: the client sees the end of the stream (FIN), and never a
// reset, since what it still sends is read and thrown away until it closes too.
type Close struct {
	// At is the point; empty means AtRequest. AtAccept does not answer anything, and AtEnd
	// closes after a complete answer that did not announce it.
	At Point `json:"at,omitempty"`
	// After is how many bytes of the header or body are sent before, for AtHeader and
	// AtBody; 0 means half.
	After int `json:"after,omitempty"`
	// Answer is what is sent in part.
	Answer Well `json:"answer,omitzero"`
}

func (b Close) String() string { return "close at " + string(b.At.or(AtRequest)) }

func (b Close) Check(on Endpoint) error {
	return first(
		on.at(b.At, AtAccept, AtRequest, AtHeader, AtHeaderEnd, AtBody, AtEnd),
		b.At.part(on),
		notNegative("after", b.After),
		b.Answer.checkAnswer(on),
	)
}

func (b Close) Serve(x *Exchange) error {
	if err := x.upTo(b.At.or(AtRequest), b.After, &b.Answer); err != nil {
		return err
	}
	if b.At.or(AtRequest) != AtRequest && b.At != AtAccept {
		x.awaitRead()
	}
	return x.end(EndClose)
}
