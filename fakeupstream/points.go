package fakeupstream

// upTo brings the request to a point: what comes before it is read and sent.
func (x *exchange) upTo(at Point, after int, w *Well) error {
	if at == AtAccept {
		x.acts()
		return nil
	}
	if err := x.readRequest(); err != nil {
		return err
	}
	if at == AtRequest {
		return nil
	}
	return x.partial(w, at, after)
}

// mayReset tells whether b can end a connection by a reset.
func mayReset(b Behaviour) bool {
	switch b := b.(type) {
	case Reset:
		return true
	case Delay:
		return mayReset(b.then())
	case interface{ ending() Ending }:
		return b.ending() == EndReset
	}
	return false
}
