package lab

import "net/http"

// A Request is what the client asks.
type Request struct {
	Method string // GET when empty
	Path   string // "/" when empty
	Host   string // "example.com" when empty
	// Header are further fields, sent under the names that they have here. Host, Content-Length and Connection are sent anyway.
	Header http.Header
	Body   string
	// BodyTimes is how often Body is repeated, for a large one; once when 0.
	BodyTimes int
}
