package fakeupstream

// FastCGIUnterminated sends the whole output and no END_REQUEST, as an application server
// that dies at the last moment. On a connection of Any that speaks something else it lacks what
// marks the end there, if something does.
type FastCGIUnterminated struct {
	// End is how the connection ends: EndClose (the default), EndReset or EndStall.
	End Ending `json:"end,omitempty"`
	// EndOfStream sends the empty STDOUT record that ends the stream.
	EndOfStream bool `json:"end_of_stream,omitempty"`
	// Answer is the output.
	Answer Well `json:"answer,omitzero"`
}

func (b FastCGIUnterminated) String() string { return "no END_REQUEST" + b.End.then(EndClose) }

func (b FastCGIUnterminated) ending() Ending { return b.End }

func (b FastCGIUnterminated) Check(on Endpoint) error {
	return first(on.only(FastCGI), oneOf("end", b.End, EndClose, EndReset, EndStall), b.End.check(on), b.Answer.checkAnswer(on))
}

func (b FastCGIUnterminated) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if err := x.unterminated(&b.Answer); err != nil {
		return err
	}
	if b.EndOfStream && x.lang.protocol() == FastCGI {
		if err := x.write(appendRecord(nil, fcgiStdout, x.req.id, nil)); err != nil {
			return err
		}
	}
	return x.end(b.End)
}
