package lab

// A Request is what the client asks.
type Request struct {
	Method string            // GET when empty
	Path   string            // "/" when empty
	Host   string            // "example.com" when empty
	Header map[string]string // further headers
	Body   string
	// BodyTimes is how often Body is repeated, for a large one; once when 0.
	BodyTimes int
}
