package fakeupstream

import "time"

// Protocol is what is spoken on the connection, as in [Spec.Protocol]. With [Any] it is known once the head of the request is
// read, and [Stream] before.
func (x *Exchange) Protocol() string { return x.lang.protocol() }

// Request is what was read of the request so far, without the times. It is there whether or not the request is on record, whose
// bounds it shares: of a long head and of a body it has the beginning.
func (x *Exchange) Request() RequestRecord {
	r := RequestRecord{Number: int(x.count.Load()), Did: x.step.text}
	if x.req.headDone {
		x.describe(&r)
		r.Body = x.sum.record()
	}
	return r
}

// Answer reads the request to its end and sends a whole answer, which is not checked as that of a Spec is. The connection is
// closed after it where the protocol, the request or the Well asks for that, and Answer returns an error then.
func (x *Exchange) Answer(w Well) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	return x.answer(&w)
}

// AnswerUpTo reads the head of the request and sends an answer up to a point: AtHeader, AtHeaderEnd, AtBody or AtEnd. For AtHeader
// and AtBody it sends after bytes of that part, or half of it when after is 0.
func (x *Exchange) AnswerUpTo(w Well, at Point, after int) error {
	if err := x.ReadHead(); err != nil {
		return err
	}
	return x.partial(&w, at, after)
}

// Write sends bytes as they are, at once.
func (x *Exchange) Write(b []byte) (int, error) {
	x.begins()
	if err := x.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Pause waits by the Server's Clock.
func (x *Exchange) Pause(d time.Duration) error {
	x.begins()
	return x.pause(d)
}

// End ends the connection: a Serve that calls it returns what it returns. With EndKeep there is nothing to be done where
// the protocol keeps connections; a request of which the body was not read ends its connection all the same.
func (x *Exchange) End(e Ending) error {
	x.begins()
	return x.end(e)
}

// begins puts on record that something is done before a request is read.
func (x *Exchange) begins() {
	if !x.req.headDone && !x.early {
		x.early = true
		x.recordEarly()
	}
}
