package fakeupstream

import "fmt"

// Garbage answers with bytes that mean nothing in any protocol. They are the same every
// time, have no line end in them, and the first is neither a letter nor a FastCGI version.
type Garbage struct {
	// Bytes is how many; 0 means 256.
	Bytes int `json:"bytes,omitempty"`
	// End is how the connection ends; empty means EndClose.
	End Ending `json:"end,omitempty"`
}

func (b Garbage) size() int {
	if b.Bytes == 0 {
		return 256
	}
	return b.Bytes
}

func (b Garbage) String() string {
	return fmt.Sprintf("%d bytes of garbage%s", b.size(), b.End.then(EndClose))
}

func (b Garbage) ending() Ending { return b.End }

func (b Garbage) Check(on Endpoint) error {
	return first(notNegative("bytes", b.Bytes), b.End.check(on))
}

func (b Garbage) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	return x.sendAndEnd(garbage(b.size()), b.End)
}

// garbage makes bytes from 128 to 255 with a small generator of the multiply-and-add kind.
func garbage(n int) []byte {
	b := make([]byte, n)
	state := uint32(2463534242)
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = byte(state>>24) | 0x80
	}
	return b
}

// sendAndEnd sends bytes as they are and ends the connection.
func (x *Exchange) sendAndEnd(b []byte, e Ending) error {
	x.raw(string(b))
	if err := x.flush(); err != nil {
		return err
	}
	return x.end(e)
}
