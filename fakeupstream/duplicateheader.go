package fakeupstream

import (
	"errors"
	"strings"
)

// DuplicateHeader answers with a header field that is there more than once. All the rest
// of the answer is good. Not for memcached and streams, which have no header: there Any closes
// without an answer.
type DuplicateHeader struct {
	// Name is the field; empty means "Content-Length".
	Name string `json:"name,omitempty"`
	// Values are its values, one line for each; none means the right Content-Length twice
	// for that field, and "one" and "two" for others.
	Values []string `json:"values,omitempty"`
	// Answer is the rest.
	Answer Well `json:"answer,omitzero"`
}

func (b DuplicateHeader) name() string {
	if b.Name == "" {
		return "Content-Length"
	}
	return b.Name
}

func (b DuplicateHeader) String() string { return "duplicate header " + b.name() }

func (b DuplicateHeader) Check(on Endpoint) error {
	if strings.ContainsAny(b.Name, ": \r\n\x00") {
		return errors.New("name: give the name of a header field alone, such as \"Content-Length\"")
	}
	for _, v := range b.Values {
		if strings.ContainsAny(v, "\r\n\x00") {
			return errors.New("values: a value cannot have a line end or NUL (bad-header sends these)")
		}
	}
	return first(on.not(noFields, Memcached, Redis, MySQL, DNS, Stream), b.Answer.checkAnswer(on))
}

func (b DuplicateHeader) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	values := b.Values
	if len(values) == 0 {
		values = []string{"one", "two"}
		if strings.EqualFold(b.name(), "Content-Length") {
			size := itoa(int(b.Answer.size()))
			values = []string{size, size}
		}
	}
	var lines []string
	for _, v := range values {
		lines = append(lines, b.name()+": "+v)
	}
	return x.answerWith(b.Answer, lines...)
}
