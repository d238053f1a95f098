package audit

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
)

// A Fault is one way in which an upstream can fail: a column of the matrix, as pure data.
type Fault struct {
	FaultInfo
	// Kind says what is broken.
	Kind FaultKind
	// Does is what the upstream does to a request, for Behaves and Reuse; for OnePeer, what one of them does that does not refuse.
	Does fakeupstream.Behaviour
	// Elsewhere is what it does in place of Does in protocols other than http and https, which have no chunks; nil for the same.
	Elsewhere fakeupstream.Behaviour
	// TLS is the fault of its TLS, for TLSFault: one of fakeupstream's, or "plain".
	TLS string
	// Protocols are those that it makes sense for; all when empty.
	Protocols []string
	// Needs is what the gateway has to do on a route besides; nothing when empty.
	Needs Need
	// Well is what a healthy upstream does before the fault and after it; nil answers as usual.
	Well fakeupstream.Behaviour
	// Idle is for how long the upstream keeps a connection on which nothing comes, for Reuse; 0 for longer than the gateway does.
	Idle time.Duration
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
	case NoFault, Refuses, Off, Behaves, TLSFault, Restart:
		return true
	}
	return false
}

// A Need is what a gateway has to do on a route for a fault to make sense there. Whether it does is known of the config and of
// what it called while all was well, so that nothing is measured where it does not.
type Need string

// The needs.
const (
	NeedsHTTP10  Need = "http/1.0" // it asks in HTTP/1.0
	NeedsHTTP11  Need = "http/1.1" // it asks in HTTP/1.1, in which answers may come in chunks, and others before them
	NeedsAuth    Need = "auth"     // it asks an auth service for leave
	NeedsContent Need = "content"  // what is answered is what the visitor gets
	NeedsKept    Need = "kept"     // it does not say that it closes the connection after the answer
	NeedsOddHost Need = "odd host" // it names a host that no visitor asked for: an upstream block's, or one with an underscore
)

// HealthyColumn is the first column of every matrix: what clients get of each method while all upstreams are well. What fails
// there is the config's own doing.
func HealthyColumn() Fault {
	return Fault{FaultInfo: FaultInfo{ID: Healthy, Title: Healthy, Claim: "all upstreams are well"}, Kind: NoFault}
}

// FaultKind is what a fault breaks.
type FaultKind string

// The kinds of fault.
const (
	NoFault   FaultKind = "none"          // nothing is broken: the healthy column
	Refuses   FaultKind = "refuses"       // every peer refuses connections
	Off       FaultKind = "off"           // every peer's host is silent
	Behaves   FaultKind = "behaves"       // every peer does to each request what Does says
	TLSFault  FaultKind = "tls"           // every peer's TLS has the fault TLS
	NameGone  FaultKind = "name gone"     // the name does not resolve, and the gateway is restarted
	NameMoved FaultKind = "name moved"    // the name has another address, and nothing answers at the old one
	OnePeer   FaultKind = "one peer"      // one of several peers refuses, or does what Does says
	OneOfName FaultKind = "one of a name" // one of the addresses of a name refuses
	OneSilent FaultKind = "one silent"    // one of several peers is silent
	Reuse     FaultKind = "reuse"         // a connection that was kept is closed as it is used again
	Restart   FaultKind = "restart"       // every peer refuses, clients come, and then all are healthy
)

// The kinds in which all upstreams are well, and the client is as clients are: one that [FaultInfo.Visitor] marks.
const (
	Crowds   FaultKind = "crowds"         // many come by one address at once
	Idles    FaultKind = "idles"          // he opens a websocket and says nothing on it
	Uploads  FaultKind = "uploads"        // he sends a large body
	Leaves   FaultKind = "leaves"         // he goes before the answer has come
	NoProxy  FaultKind = "no PROXY line"  // he comes without the PROXY line that the listener takes
	AsksMore FaultKind = "asks more"      // he sends a second request over his connection, while a mirror of the first is silent
	Pauses   FaultKind = "pauses"         // he does not read for a while in the middle of a large answer
	NoName   FaultKind = "no server name" // his TLS names no server
	OverH2   FaultKind = "HTTP/2"         // he speaks HTTP/2
	OverH3   FaultKind = "HTTP/3"         // he speaks HTTP/3
)

// A Rule is something that an expert would object to, found in the evidence.
type Rule struct {
	ID       string
	Severity string // the usual one
	Title    string // in general, for a list of rules
	Why      string
	Source   string
	// Static reports whether the rule needs no more than the config's text: it finds something where nothing was measured. What
	// it finds is read then, and says so (Finding.Read), unless the evidence shows it too.
	Static bool
	// Find gives what it finds. It sets of a Finding what the evidence decides; Rule, Why, Source, and the severity where empty
	// are filled in from here.
	Find func(*Evidence) []Finding
}
