package lab

import "net/http"

// A Request is what the client asks.
type Request struct {
	Method string // GET when empty
	Path   string // "/" when empty
	Host   string // "example.com" when empty
	// Header are further fields, sent under the names that they have here. Host and Content-Length are sent
	// anyway, and so is "Connection: close" without [KeepAlive].
	Header http.Header
	Body   string
	// BodyTimes is how often Body is repeated, for a large one; once when 0.
	BodyTimes int
	// Stalls is after how many bytes of the body the client sends no more, and waits for an answer; 0 for one who sends all. It is not for
	// [OverHTTP2].
	Stalls int
	// Client names who asks: all requests of the same name come from the same address. Empty is a client of its own, whose address no
	// other has.
	Client string
}

// Local is the [Request].Client on the gateway's own machine: it has the gateway's address, as who comes by [Sandbox.Tunnel] has.
const Local = "local"
