package agentapi

// An Attempt is one peer that the gateway asked for a client's request.
type Attempt struct {
	Addr string // "10.0.0.5:8080", "[::1]:80" or "unix:/run/app.sock"
	// Kept is true when it went over a connection that an earlier request had left open.
	Kept bool
}

// Attempts are those of one request, in order; the ones over kept connections come first.
type Attempts struct {
	All []Attempt
	// Unknown says why nothing certain can be said of them; empty when they are all of the request's, and no others.
	Unknown string
	// Connects is how often the gateway, and whatever it started, has called connect for each address since the sandbox was opened;
	// nil where that is not known.
	Connects map[string]int
}
