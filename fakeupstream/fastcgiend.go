package fakeupstream

import "fmt"

// FastCGIEnd ends a request with an END_REQUEST record that tells of a failure (FastCGI
// 1.0, section 5.5), or that comes without any output. On a connection of Any that speaks something
// else it closes when there is to be no output, and answers well when there is.
type FastCGIEnd struct {
	// AppStatus is the exit status of the application.
	AppStatus uint32 `json:"app_status,omitempty"`
	// ProtocolStatus is why the protocol ended the request; empty means complete. The
	// others mean that the request was turned down, so that no output is sent.
	ProtocolStatus ProtocolStatus `json:"protocol_status,omitempty"`
	// NoOutput sends END_REQUEST alone.
	NoOutput bool `json:"no_output,omitempty"`
	// Answer is the output.
	Answer Well `json:"answer,omitzero"`
}

// ProtocolStatus is the protocolStatus of END_REQUEST.
type ProtocolStatus string

// The protocol statuses.
const (
	StatusComplete      ProtocolStatus = "complete"
	StatusCantMultiplex ProtocolStatus = "cant-multiplex"
	StatusOverloaded    ProtocolStatus = "overloaded"
	StatusUnknownRole   ProtocolStatus = "unknown-role"
)

var protocolStatuses = map[ProtocolStatus]byte{
	StatusComplete: fcgiComplete, StatusCantMultiplex: fcgiCantMultiplex,
	StatusOverloaded: fcgiOverloaded, StatusUnknownRole: fcgiUnknownRole,
}

func (b FastCGIEnd) silent() bool {
	return b.NoOutput || protocolStatuses[b.ProtocolStatus] != fcgiComplete
}

func (b FastCGIEnd) String() string {
	s := fmt.Sprintf("END_REQUEST %s with app status %d", b.status(), b.AppStatus)
	if b.silent() {
		s += " and no output"
	}
	return s
}

func (b FastCGIEnd) status() ProtocolStatus {
	if b.ProtocolStatus == "" {
		return StatusComplete
	}
	return b.ProtocolStatus
}

func (b FastCGIEnd) Check(on Endpoint) error {
	return first(on.only(FastCGI),
		oneOf("protocol_status", b.ProtocolStatus, StatusComplete, StatusCantMultiplex, StatusOverloaded, StatusUnknownRole),
		b.Answer.checkAnswer(on))
}

func (b FastCGIEnd) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if x.lang.protocol() != FastCGI {
		if b.silent() {
			return x.end(EndClose)
		}
		return x.answer(&b.Answer)
	}
	if !b.silent() {
		if err := x.unterminated(&b.Answer); err != nil {
			return err
		}
		x.raw(string(appendRecord(nil, fcgiStdout, x.req.id, nil)))
	}
	x.raw(string(appendEnd(nil, x.req.id, b.AppStatus, protocolStatuses[b.status()])))
	if err := x.flush(); err != nil {
		return err
	}
	return x.after(&b.Answer)
}
