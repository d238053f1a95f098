package fakeupstream

// Silent accepts the connection and never says anything. It lasts until the client closes.
type Silent struct {
	// At is AtRequest (the default), which reads the request and whatever follows, or
	// AtAccept, which reads nothing: a client that sends much then gets stuck in sending,
	// and one that leaves is noticed only when the upstream is closed.
	At Point `json:"at,omitempty"`
}

func (b Silent) String() string { return "silent at " + string(b.At.or(AtRequest)) }

func (b Silent) Check(on Endpoint) error { return on.at(b.At, AtAccept, AtRequest) }

func (b Silent) Serve(x *Exchange) error {
	if b.At == AtAccept {
		x.recordEarly()
		x.markIdle()
		<-x.gone
		return errDone
	}
	if err := x.ReadRequest(); err != nil {
		return err
	}
	return x.stall()
}
