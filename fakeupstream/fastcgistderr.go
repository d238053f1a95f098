package fakeupstream

import "fmt"

// FastCGIStderr writes to FastCGI's STDERR stream, as PHP does with its error log, and then
// answers well. On a connection of Any that speaks something else there is the answer alone, and
// with Only it closes.
type FastCGIStderr struct {
	// Text is what is written; empty means "PHP message: something went wrong".
	Text string `json:"text,omitempty"`
	// Repeat is how many records there are with that text; 0 means 1.
	Repeat int `json:"repeat,omitempty"`
	// Only leaves out the answer: STDERR, and END_REQUEST after it.
	Only bool `json:"only,omitempty"`
	// Answer is what follows.
	Answer Well `json:"answer,omitzero"`
}

func (b FastCGIStderr) String() string {
	if b.Only {
		return "stderr and no answer"
	}
	return "stderr, then " + b.Answer.String()
}

func (b FastCGIStderr) text() string {
	if b.Text == "" {
		return "PHP message: something went wrong"
	}
	return b.Text
}

func (b FastCGIStderr) Check(on Endpoint) error {
	if len(b.Text) > fcgiMaxRecord {
		return fmt.Errorf("text: has %d bytes and a record takes %d; use repeat for more", len(b.Text), fcgiMaxRecord)
	}
	return first(on.only(FastCGI), notNegative("repeat", b.Repeat), b.Answer.checkAnswer(on))
}

func (b FastCGIStderr) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if x.lang.protocol() != FastCGI {
		if b.Only {
			return x.end(EndClose)
		}
		return x.answer(&b.Answer)
	}
	for range max(b.Repeat, 1) {
		x.raw(string(appendStream(nil, fcgiStderr, x.req.id, []byte(b.text()))))
	}
	x.raw(string(appendRecord(nil, fcgiStderr, x.req.id, nil)))
	if !b.Only {
		if err := x.flush(); err != nil {
			return err
		}
		return x.answer(&b.Answer)
	}
	if err := x.putEnd(&b.Answer); err != nil {
		return err
	}
	if err := x.flush(); err != nil {
		return err
	}
	return x.after(&b.Answer)
}
