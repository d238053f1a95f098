package fakeupstream

import "strings"

// BadChunk sends a chunked body that is wrong (RFC 9112, 7.1; HTTP only). A connection of
// Any that speaks something else ends in the middle of the body.
type BadChunk struct {
	// Fault is what is wrong; it must be given.
	Fault ChunkFault `json:"fault,omitempty"`
	// End is how the connection ends; empty means EndClose.
	End Ending `json:"end,omitempty"`
	// Answer is what is sent; its body is chunked, as one chunk.
	Answer Well `json:"answer,omitzero"`
}

// ChunkFault is a way in which chunks are wrong.
type ChunkFault string

// The chunk faults. All but the last three strike after a good chunk.
const (
	ChunkSize     ChunkFault = "size"         // the next size is "xyz"
	ChunkNoSize   ChunkFault = "no-size"      // the next size is an empty line
	ChunkNegative ChunkFault = "negative"     // the next size is "-1"
	ChunkHuge     ChunkFault = "huge"         // the next size has 17 hex digits, more than 64 bits
	ChunkShort    ChunkFault = "short"        // the next chunk has less bytes than it says
	ChunkNoEnd    ChunkFault = "no-crlf"      // no CRLF after the chunk's bytes, then the last chunk
	ChunkNoLast   ChunkFault = "missing-last" // the last chunk is missing
	ChunkTrailer  ChunkFault = "trailer"      // the trailer has a line with no colon
)

func (b BadChunk) String() string {
	return "bad chunk: " + string(b.Fault) + b.End.then(EndClose)
}

func (b BadChunk) ending() Ending { return b.End }

func (b BadChunk) Check(on Endpoint) error {
	return first(on.only(HTTP), required("fault", b.Fault, ChunkSize, ChunkNoSize, ChunkNegative, ChunkHuge,
		ChunkShort, ChunkNoEnd, ChunkNoLast, ChunkTrailer), b.End.check(on), b.Answer.checkAnswer(on))
}

func (b BadChunk) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	w := b.Answer
	w.Chunked = true
	if x.lang.protocol() != HTTP {
		return x.cut(&w, b.End)
	}
	x.out.chunks = true
	if err := x.putHead(&w); err != nil {
		return err
	}
	if err := x.putBody(&w, 0, w.size()); err != nil {
		return err
	}
	switch b.Fault {
	case ChunkSize:
		x.raw("xyz\r\nabc\r\n0\r\n\r\n")
	case ChunkNoSize:
		x.raw("\r\nabc\r\n0\r\n\r\n")
	case ChunkNegative:
		x.raw("-1\r\nabc\r\n0\r\n\r\n")
	case ChunkHuge:
		x.raw(strings.Repeat("F", 17) + "\r\nabc\r\n0\r\n\r\n")
	case ChunkShort:
		x.raw("a\r\nabc")
	case ChunkNoEnd:
		x.raw("3\r\nabc0\r\n\r\n")
	case ChunkTrailer:
		x.raw("0\r\nthis is no field\r\n\r\n")
	}
	if err := x.flush(); err != nil {
		return err
	}
	return x.end(b.End)
}
