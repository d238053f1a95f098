package fakeupstream

import "time"

// The kinds of Event.
const (
	EventListening = "listening" // the upstream is up (or is refusing, as it was told to)
	EventOpened    = "opened"    // a connection was accepted
	EventSecured   = "secured"   // its TLS handshake is done
	EventRequest   = "request"   // a request was read; Text tells what is done about it
	EventProblem   = "problem"   // something could not be read or written
	EventClosed    = "closed"    // a connection is over
	EventStopped   = "stopped"   // the upstream was closed
)

// Event is one thing an upstream saw or did.
type Event struct {
	Time       time.Time `json:"time"`
	Upstream   string    `json:"upstream"`             // Spec.Name, or Spec.Listen without one
	Kind       string    `json:"kind"`                 // one of the Event constants
	Connection int       `json:"connection,omitempty"` // 1 is the first
	Request    int       `json:"request,omitempty"`    // of its connection, 1 is the first
	Remote     string    `json:"remote,omitempty"`
	Text       string    `json:"text"`
}

// String is the event in a line: "app connection 1 from 127.0.0.1:5555: GET / -> reset at header".
func (e Event) String() string {
	where := e.Upstream
	if e.Connection > 0 {
		where += " connection " + itoa(e.Connection)
		if e.Remote != "" {
			where += " from " + e.Remote
		}
	}
	return where + ": " + e.Text
}
