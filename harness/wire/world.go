package wire

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
)

// WorldSpec makes a cell a world: its processes have the whole image as a root of their own, in which they may write
// anywhere, and every address, port and name that they call answers. It is for a config that anybody wrote: what runs in a
// world is jailed.
type WorldSpec struct {
	Sockets []string // unix sockets at which an upstream listens, besides all addresses
}

// ExecSpec runs a program in a world, jailed, and waits for its end.
type ExecSpec struct {
	Cell  string
	Argv  []string
	Limit time.Duration // 10 s when 0
}

// Executed is how it ended.
type Executed struct {
	Output string // of both streams, 64 KiB at the most
	Code   int    // -1 when a signal or the limit ended it
}

// ConductSpec says how the upstreams and names of a world behave from now on. What was open is closed.
type ConductSpec struct {
	Cell string
	// Upstreams says it for some; the first whose At fits counts. All others answer well.
	Upstreams []Conduct
	// Names says it for some names; all others have one address each that never changes.
	Names []NameConduct
}

// A Conduct is how one upstream behaves, or all.
type Conduct struct {
	At     string // "198.18.0.5:8080" or "unix:/run/app.sock"; empty for all
	Down   string // "refused" (nothing listens), "off" (its host is silent), or "" (it listens)
	TLS    string // a fault of its TLS ("expired", "wrong-name"), "plain" (no TLS where TLS is expected), or ""
	Script fakeupstream.Script
}

// A NameConduct is how a name resolves.
type NameConduct struct {
	Name string
	Gone bool // NXDOMAIN
	Move int  // how many times it has moved: each time to another address
}

// An UpstreamCall is one connection of a world's gateway to an upstream.
type UpstreamCall struct {
	At     string // the address that was called, as in Conduct
	Name   string // the name that has this address; empty for a literal one
	Self   bool   // the gateway called one of its own listeners; the rest is empty then
	UDP    bool
	Record fakeupstream.ConnectionRecord
}

// A Lookup is one question for a name.
type Lookup struct {
	Name string
	Type string // "A", "AAAA", "SRV"
	Got  string // the address; empty for none
}

// WorldNews is what the upstreams and the names of a world saw since the last news.
type WorldNews struct {
	Calls   []UpstreamCall
	Lookups []Lookup
	Loop    bool // the gateway called itself without end, and was cut off
}
