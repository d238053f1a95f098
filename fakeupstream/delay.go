package fakeupstream

import (
	"fmt"
	"time"
)

// Delay waits, and then lets another behaviour go on.
type Delay struct {
	// At is where it waits: AtAccept before anything is read (and before a TLS handshake),
	// AtRequest (the default) or AtHeader after the request was read and before the first
	// byte of an answer, AtBody between header and body, if Then sends these. The kernel
	// completes TCP handshakes by itself, so that an upstream that is slow to accept looks
	// like AtAccept.
	At Point `json:"at,omitempty"`
	// For is how long, by the Server's Clock. It must be given.
	For time.Duration `json:"for,omitempty"`
	// Then is what is done after it; nil answers well.
	Then Behaviour `json:"then,omitempty"`
}

func (b Delay) String() string {
	return fmt.Sprintf("delay %v at %s, then %s", b.For, b.At.or(AtRequest), b.then())
}

func (b Delay) then() Behaviour {
	if b.Then == nil {
		return Well{}
	}
	return b.Then
}

func (b Delay) Check(on Endpoint) error {
	if err := given("for", b.For, `say how long, such as "2s"`); err != nil {
		return err
	}
	if _, ok := b.Then.(listenerBehaviour); ok {
		return fmt.Errorf("then: %s is a state of the whole listener and cannot follow a delay", NameOf(b.Then))
	}
	if _, err := registered(b.then()); err != nil {
		return fmt.Errorf("then: %w", err)
	}
	if err := b.then().Check(on); err != nil {
		return fmt.Errorf("then: %w", err)
	}
	return on.at(b.At, AtAccept, AtRequest, AtHeader, AtBody)
}

func (b Delay) Serve(x *Exchange) error {
	if b.At == AtBody {
		x.out.body += b.For
		return b.then().Serve(x)
	}
	read := x.ReadRequest
	if b.At == AtAccept {
		read = func() error { x.recordEarly(); return nil }
	} else if _, ok := b.Then.(EarlyAnswer); ok {
		read = x.ReadHead
	}
	if err := read(); err != nil {
		return err
	}
	if err := x.pause(b.For); err != nil {
		return err
	}
	return b.then().Serve(x)
}
