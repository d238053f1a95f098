package fakeupstream

import (
	"errors"
	"fmt"
)

// ShortBody sends a body that is shorter than its Content-Length, and ends. In FastCGI the
// request ends in good order, with a body that is short of the Content-Length in the
// CGI header. In gRPC the message has the length as well, and in memcached the line before the item.
// Not for streams, which have no lengths: there Any sends the body without its last bytes.
type ShortBody struct {
	// Missing is how many bytes are declared and not sent; 0 means 1.
	Missing int64 `json:"missing,omitempty"`
	// End is how the connection ends; empty means EndClose.
	End Ending `json:"end,omitempty"`
	// Answer is what is sent.
	Answer Well `json:"answer,omitzero"`
}

func (b ShortBody) String() string {
	return fmt.Sprintf("body %d bytes shorter than declared%s", max(b.Missing, 1), b.End.then(EndClose))
}

func (b ShortBody) ending() Ending { return b.End }

func (b ShortBody) Check(on Endpoint) error {
	return first(on.not(noLengths, Stream), notNegative("missing", b.Missing), b.End.check(on), noChunks(b.Answer), b.Answer.checkAnswer(on))
}

func (b ShortBody) Serve(x *Exchange) error {
	return x.wrongLength(b.Answer, b.Answer.size()+max(b.Missing, 1), 0, b.End.or(EndClose))
}

// LongBody sends more of a body than its Content-Length says.
type LongBody struct {
	// Extra is how many bytes are sent beyond the declared ones; 0 means 1. They are x's.
	Extra int `json:"extra,omitempty"`
	// End is how the connection ends; empty means EndKeep, so that the surplus is in the
	// way of the next answer, or EndClose if the client did not ask to keep the connection.
	End Ending `json:"end,omitempty"`
	// Answer is what is sent.
	Answer Well `json:"answer,omitzero"`
}

func (b LongBody) String() string {
	return fmt.Sprintf("body %d bytes longer than declared%s", max(b.Extra, 1), b.End.then(EndKeep))
}

func (b LongBody) ending() Ending { return b.End }

func (b LongBody) Check(on Endpoint) error {
	return first(on.not(noLengths, Stream), notNegative("extra", b.Extra), b.End.check(on), noChunks(b.Answer), b.Answer.checkAnswer(on))
}

func (b LongBody) Serve(x *Exchange) error {
	return x.wrongLength(b.Answer, b.Answer.size(), max(b.Extra, 1), b.End)
}

// noChunks is the check of answers that are about Content-Length.
func noChunks(w Well) error {
	if w.Chunked {
		return errors.New("answer.chunked: a chunked body declares no length; remove it")
	}
	return nil
}

// noLengths is why these are not for streams.
const noLengths = "it declares no lengths"

// wrongLength answers with a Content-Length and a body that differ. Without an ending the connection goes on as the client
// asked for.
func (x *Exchange) wrongLength(w Well, declare int64, extra int, e Ending) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if e == "" && x.req.keep {
		e = EndKeep
	}
	w.Chunked = false
	if x.lang.protocol() == Stream {
		if err := x.putBody(&w, 0, max(w.size()-(declare-w.size()), 0)); err != nil {
			return err
		}
		return x.sendAndEnd([]byte(filler(extra)), e)
	}
	w.Headers = append([]string{fmt.Sprintf("Content-Length: %d", declare)}, w.Headers...)
	if err := x.putHead(&w); err != nil {
		return err
	}
	if x.hasBody(&w) {
		if err := x.putBody(&w, 0, w.size()); err != nil {
			return err
		}
		if err := x.put([]byte(filler(extra))); err != nil {
			return err
		}
	}
	if err := x.putEnd(&w); err != nil {
		return err
	}
	if err := x.flush(); err != nil {
		return err
	}
	return x.end(e)
}
