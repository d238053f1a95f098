package fakeupstream

// Reset resets the connection, so that the client gets ECONNRESET: on TCP with an RST
// (SO_LINGER without time), on a unix socket by closing while a byte is left unread, as an
// application server that dies does (Linux only).
type Reset struct {
	// At is the point; empty means AtRequest. AtAccept does not read anything; on TCP the
	// RST then races with the client, which may meet it in connect, write or read.
	At Point `json:"at,omitempty"`
	// After is how many bytes of the header or body are sent before, for AtHeader and
	// AtBody; 0 means half.
	After int `json:"after,omitempty"`
	// Answer is what is sent in part.
	Answer Well `json:"answer,omitzero"`
}

func (b Reset) String() string { return "reset at " + string(b.At.or(AtRequest)) }

func (b Reset) Check(on Endpoint) error {
	if on.Network == "unix" && !unixReset {
		return errNoUnixReset
	}
	return first(
		on.at(b.At, AtAccept, AtRequest, AtHeader, AtHeaderEnd, AtBody, AtEnd),
		b.At.part(on),
		notNegative("after", b.After),
		b.Answer.checkAnswer(on),
	)
}

func (b Reset) Serve(x *Exchange) error {
	if err := x.upTo(b.At.or(AtRequest), b.After, &b.Answer); err != nil {
		return err
	}
	return x.end(EndReset)
}
