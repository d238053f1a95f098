package fakeupstream

import (
	"fmt"
	"net/http"
)

// Interim sends interim answers (RFC 9110, 15.2) before the final one (HTTP only). On a
// connection of Any that speaks something else there is the final answer alone.
type Interim struct {
	// Statuses are those of the interim answers, from 100 to 199 and not 101; none means
	// 103 alone. Each is a write of its own.
	Statuses []int `json:"statuses,omitempty"`
	// Headers are header lines for each interim answer, such as "Link: </a.css>; rel=preload".
	Headers []string `json:"headers,omitempty"`
	// Answer is the final answer.
	Answer Well `json:"answer,omitzero"`
}

func (b Interim) statuses() []int {
	if len(b.Statuses) == 0 {
		return []int{103}
	}
	return b.Statuses
}

func (b Interim) String() string {
	return fmt.Sprintf("interim %v, then %s", b.statuses(), b.Answer)
}

func (b Interim) Check(on Endpoint) error {
	for i, s := range b.Statuses {
		if s < 100 || s > 199 || s == 101 {
			return fmt.Errorf("statuses[%d]: %d is not the status of an interim answer; give 100 to 199 and not 101", i, s)
		}
	}
	return first(on.only(HTTP), Well{Headers: b.Headers}.Check(on), b.Answer.checkAnswer(on))
}

func (b Interim) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if x.lang.protocol() != HTTP {
		return x.answer(&b.Answer)
	}
	for _, status := range b.statuses() {
		x.raw(fmt.Sprintf("HTTP/1.1 %d %s\r\n", status, http.StatusText(status)))
		for _, h := range b.Headers {
			x.raw(h + "\r\n")
		}
		x.raw("\r\n")
		if err := x.flush(); err != nil {
			return err
		}
	}
	return x.answer(&b.Answer)
}
