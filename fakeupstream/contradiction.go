package fakeupstream

// Contradiction answers with both Content-Length and Transfer-Encoding: chunked, which
// RFC 9112, 6.3 calls a possible attempt at response splitting. The body is chunked
// (HTTP only). On a connection of Any that speaks something else it is a ShortBody.
type Contradiction struct {
	// Declare is the Content-Length; 0 means the right one.
	Declare int64 `json:"declare,omitempty"`
	// Answer is the rest.
	Answer Well `json:"answer,omitzero"`
}

func (b Contradiction) String() string { return "both Content-Length and chunked" }

func (b Contradiction) Check(on Endpoint) error {
	return first(on.only(HTTP), notNegative("declare", b.Declare), b.Answer.checkAnswer(on))
}

func (b Contradiction) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if x.lang.protocol() != HTTP {
		w := b.Answer
		w.Chunked = false
		return ShortBody{Answer: w}.Serve(x)
	}
	declare := b.Declare
	if declare == 0 {
		declare = b.Answer.size()
	}
	w := b.Answer
	w.Chunked, x.out.chunks = true, true
	return x.answerWith(w, "Content-Length: "+itoa(int(declare)))
}
