package lab

import (
	"net/http"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
)

// An Exchange is one request of the client, and what it led to.
type Exchange struct {
	// Visitor is the address that the client asked from; only this request has it.
	Visitor string `json:"client"`
	Request string `json:"request"` // "GET /index.php"
	// Status is the status that the client got; 0 when none came, and NoAnswer then says how the connection ended.
	Status   int    `json:"status"`
	NoAnswer string `json:"no_answer,omitempty"`
	// Reused is true when the request went over the connection of an earlier one; see [KeepAlive].
	Reused bool `json:"reused,omitempty"`
	// Header holds the answer's header fields.
	Header http.Header `json:"header,omitempty"`
	// Body is the beginning of the answer's body, 4 KiB at the most; BodyBytes is its full length.
	Body      string `json:"body,omitempty"`
	BodyBytes int64  `json:"body_bytes"`
	// Cut is true when the answer ended before its declared length or its last chunk.
	Cut bool `json:"cut"`
	// Waited is how long the client waited in the gateway's own time. When the clock was moved, the answer came
	// between NotBefore and Waited; when it went faster, at Waited. Real tells how long that took on the machine.
	Waited    time.Duration `json:"waited_ns"`
	NotBefore time.Duration `json:"not_before_ns,omitempty"`
	Real      time.Duration `json:"real_ns"`
	// Tries are the peers that the gateway asked, in order.
	Tries []Try `json:"attempts,omitempty"`
	// TriesUnknown says why Tries may lack some, or hold some of another client's; empty when they are exact.
	TriesUnknown string `json:"attempts_unknown,omitempty"`
	// Log are the gateway's log lines of this request, level warn and above.
	Log []gateway.LogRecord `json:"log,omitempty"`
	// Access is the line of this request in the gateway's access log, if its config leaves that as the program has it.
	Access string `json:"access,omitempty"`
	// UpstreamLog are the lines that the real upstreams logged meanwhile.
	UpstreamLog []string `json:"upstream_log,omitempty"`
}

// A Try is one attempt at one peer: a connection that the gateway made or tried to, or one from before that it used again. What
// it asks for on the request's behalf counts too, as auth_request and mirror do. Of several requests that it sends for the
// client's over one kept connection, the first is counted.
type Try struct {
	Addr string `json:"addr"` // "10.0.0.5:8080", "[::1]:80" or "unix:/run/app.sock"
	// Kept is true when the connection was there from an earlier request. Those come first.
	Kept bool `json:"kept,omitempty"`
}

// An Event is one line of a transcript.
type Event struct {
	At    time.Duration `json:"at_ns"` // real time since the scenario began
	Actor string        `json:"actor"` // "client", "gateway", "upstream app", "fault", "clock", "lab"
	Text  string        `json:"text"`
}
