package fakeupstream

import "reflect"

// upTo brings the request to a point: what comes before it is read and sent.
func (x *Exchange) upTo(at Point, after int, w *Well) error {
	if at == AtAccept {
		x.recordEarly()
		return nil
	}
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if at == AtRequest {
		return nil
	}
	return x.partial(w, at, after)
}

// mayReset reports whether b can end a connection by a reset. Of a behaviour of somebody else's nobody knows.
func mayReset(b Behaviour) bool {
	switch b := b.(type) {
	case Reset:
		return true
	case Delay:
		return mayReset(b.then())
	case interface{ ending() Ending }:
		return b.ending() == EndReset
	}
	return reflect.TypeOf(b).PkgPath() != reflect.TypeFor[Well]().PkgPath()
}
