package fakeupstream

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// Raw answers with exactly the bytes that are given, for what no other behaviour does.
type Raw struct {
	// Text or Base64 are the bytes, as text or in base64 (RFC 4648, section 4). None
	// closes without a byte.
	Text   string `json:"text,omitempty"`
	Base64 string `json:"base64,omitempty"`
	// At is AtRequest (the default), or AtAccept to send before anything is read, as
	// protocols do in which the server speaks first.
	At Point `json:"at,omitempty"`
	// End is how the connection ends; empty means EndClose.
	End Ending `json:"end,omitempty"`
}

func (b Raw) bytes() []byte {
	if b.Base64 == "" {
		return []byte(b.Text)
	}
	raw, _ := base64.StdEncoding.DecodeString(b.Base64)
	return raw
}

func (b Raw) String() string {
	return fmt.Sprintf("%d raw bytes%s", len(b.bytes()), b.End.then(EndClose))
}

func (b Raw) ending() Ending { return b.End }

func (b Raw) Check(on Endpoint) error {
	if b.Text != "" && b.Base64 != "" {
		return errors.New("text: give one of text and base64")
	}
	if _, err := base64.StdEncoding.DecodeString(b.Base64); err != nil {
		return fmt.Errorf("base64: %w", err)
	}
	return first(on.at(b.At, AtAccept, AtRequest), b.End.check(on))
}

func (b Raw) Serve(x *Exchange) error {
	if b.At == AtAccept {
		x.recordEarly()
		return x.sendAndEnd(b.bytes(), b.End)
	}
	if err := x.ReadRequest(); err != nil {
		return err
	}
	return x.sendAndEnd(b.bytes(), b.End)
}
