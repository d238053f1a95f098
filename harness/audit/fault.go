package audit

import "github.com/badgateway/badgateway/fakeupstream"

// A Fault is one way in which an upstream can fail: a column of the matrix, as pure data.
type Fault struct {
	FaultInfo
	// Kind says what is broken.
	Kind FaultKind
	// Does is what the upstream does to a request, for Behaves.
	Does fakeupstream.Behaviour
	// Elsewhere is what it does in place of Does in protocols other than http and https, which have no chunks; nil for the same.
	Elsewhere fakeupstream.Behaviour
	// TLS is the fault of its TLS, for TLSFault: one of fakeupstream's, or "plain".
	TLS string
	// Protocols are those that it makes sense for; all when empty.
	Protocols []string
	// Methods are those that it is tried with; GET and POST when empty.
	Methods []string
	// Cuts says that the upstream's answer ends before its end.
	Cuts bool
}

// For is what the upstream does to a request of that protocol ("http", "fastcgi"), for Behaves.
func (f Fault) For(protocol string) fakeupstream.Behaviour {
	if f.Elsewhere != nil && protocol != "http" && protocol != "https" {
		return f.Elsewhere
	}
	return f.Does
}

// PassesBy reports whether nothing of the fault is left in a gateway once its upstream is healthy and a request was answered, as
// long as the upstream has one peer.
func (f Fault) PassesBy() bool {
	switch f.Kind {
	case Refuses, Off, Behaves, TLSFault, Restart:
		return true
	}
	return false
}

// FaultKind is what a fault breaks.
type FaultKind string

// The kinds of fault.
const (
	Refuses   FaultKind = "refuses"    // every peer refuses connections
	Off       FaultKind = "off"        // every peer's host is silent
	Behaves   FaultKind = "behaves"    // every peer does to each request what Does says
	TLSFault  FaultKind = "tls"        // every peer's TLS has the fault TLS
	NameGone  FaultKind = "name gone"  // the name does not resolve, and the gateway is restarted
	NameMoved FaultKind = "name moved" // the name has another address, and nothing answers at the old one
	OnePeer   FaultKind = "one peer"   // one of several peers refuses
	OneSilent FaultKind = "one silent" // one of several peers is silent
	Reuse     FaultKind = "reuse"      // a connection that was kept is closed as it is used again
	Restart   FaultKind = "restart"    // every peer refuses, clients come, and then all are healthy
)

// A Rule is something that an expert would object to, found in the evidence.
type Rule struct {
	ID       string
	Severity string // the usual one
	Title    string // in general, for a list of rules
	Why      string
	Source   string
	// Find gives what it finds. It sets of a Finding what the evidence decides; Rule, Why, Source, and the severity where empty
	// are filled in from here.
	Find func(*Evidence) []Finding
}
