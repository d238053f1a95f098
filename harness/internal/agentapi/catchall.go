package agentapi

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
)

// CatchAllSpec makes a sandbox a catch-all sandbox: its processes have the whole image as a root of their own, in which they may write
// anywhere, and every address, port and name that they call answers. It is for a config that anybody wrote: what runs in a
// catch-all sandbox is jailed.
type CatchAllSpec struct {
	Sockets []string // unix sockets at which an upstream listens, besides all addresses
	Names   []string // names that every upstream's certificate is for, besides its own and the one it is asked for
	User    string   // whom its processes run as, as a Dockerfile's USER names it; root when empty
	Dir     string   // the folder in which they start; / when empty
	Env     []string // variables that they have besides the image's own
}

// ExecSpec runs a program in a catch-all sandbox, jailed, and waits for its end.
type ExecSpec struct {
	Argv  []string
	Limit time.Duration // ExecLimit when 0
	Until bool          // it is run again and again until it ends with 0, for as long as the limit; not in a catch-all sandbox
}

// ExecLimit is how long a program may run unless something else is said.
const ExecLimit = 10 * time.Second

// Executed is how it ended.
type Executed struct {
	Late   bool   // the limit ended it
	Output string // of both streams, 64 KiB at the most
	Code   int    // -1 when a signal or the limit ended it
}

// BehaviourSpec says how the upstreams and names of a catch-all sandbox behave from now on. What was open is closed.
type BehaviourSpec struct {
	// Upstreams says it for some; the first whose At fits counts. All others answer well.
	Upstreams []UpstreamBehaviour
	// Names says it for some names; all others have one address each that never changes.
	Names []NameBehaviour
}

// A UpstreamBehaviour is how one upstream behaves, or all.
type UpstreamBehaviour struct {
	At     string // "198.18.0.5:8080" or "unix:/run/app.sock"; empty for all
	Down   string // "refused" (nothing listens), "off" (its host is silent), or "" (it listens)
	TLS    string // a fault of its TLS ("expired", "wrong-name"), "plain" (no TLS where TLS is expected), or ""
	Script fakeupstream.Script
}

// A NameBehaviour is how a name resolves.
type NameBehaviour struct {
	Name string
	Gone bool // NXDOMAIN
	Move int  // how many times it has moved: each time to another address
	Both bool // it has both addresses at once: the one that it has before it moves, and the other
}

// An UpstreamCall is one connection of a catch-all sandbox's gateway to an upstream.
type UpstreamCall struct {
	At     string // the address that was called, as in UpstreamBehaviour
	Name   string // the name that has this address; empty for a literal one
	Self   bool   // the gateway called one of its own listeners; the rest is empty then
	UDP    bool
	Record fakeupstream.ConnectionRecord
}

// A DNSQuery is one question for a name.
type DNSQuery struct {
	Name string
	Type string // "A", "AAAA", "SRV"
	Got  string // the address; empty for none
}

// Events is what the upstreams and the names of a catch-all sandbox saw since the last news.
type Events struct {
	Calls      []UpstreamCall // in the order in which they began, those to itself first
	DownCalls  []string       // addresses that are down, once for each connection that the gateway began to make there
	DNSQueries []DNSQuery
	Loop       bool     // the gateway called itself without end, and was cut off
	Syslog     []string // log lines that went to a syslog server
}

// ProbeSpec is one request of a client to a catch-all sandbox's gateway.
type ProbeSpec struct {
	From string // the client's address
	To   string // the address that the client connects to, or "unix:/path"
	// TLS makes the client speak TLS and name ServerName.
	TLS        bool
	ServerName string
	ALPN       string // the protocol that his TLS offers; empty for none
	TLSMax     string // the highest version of TLS that he speaks ("TLSv1.2"); empty for the highest there is
	HTTP2      bool   // he begins with HTTP/2 at once, without TLS
	HTTP3      bool   // he speaks HTTP/3, over QUIC
	Cert, Key  string // his certificate and its key in PEM; empty for one of the lab's authority
	Proxy      bool   // he begins with a PROXY protocol header, as a load balancer would
	ProxyFrom  string // the visitor that such a header names; From when empty
	UDP        bool   // one datagram, and one back
	// First is a request that he sends before over the same connection, whose answer he reads to its end; nil for none.
	First     []byte
	Raw       []byte
	Body      string
	BodyTimes int  // how often the body is repeated; once when 0
	Head      bool // it is a HEAD request
	// Idles has him stay silent after an answer that switches protocols, until the connection ends.
	Idles bool
	// Leaves has him go as soon as the gateway waits for an upstream's answer.
	Leaves bool
	// ReadsAfter is how long he reads nothing after the beginning of the answer's body; 0 for not at all.
	ReadsAfter time.Duration
	// Beside are others who ask just before him, and whose answers may still be awaited when he asks.
	Beside []ProbeSpec
	// Stream says that the answer is no HTTP: whatever comes until all is quiet, or the end.
	Stream bool
	// UpstreamBehaviour is how the sandbox behaves from before he asks; nil leaves it as it is.
	Behaviour *BehaviourSpec
	// Steps are the waits after which something may end, counted from the start and from each thing that happens.
	Steps []time.Duration
	// Limit is how long he waits at the most, in the sandbox's time.
	Limit time.Duration
}

// ProbeAnswer is what he got, and what the sandbox saw of it.
type ProbeAnswer struct {
	Answer
	Waited    time.Duration // in the sandbox's time
	NotBefore time.Duration // he still waited then
	Endless   bool          // he still waited at the limit
	// Beside are the statuses of those who asked beside him; 0 for who still waited when he had his answer, or got none.
	Beside []int
	Events Events
	// LogsLeft is how many lines each log gained that Logs leaves out, as they were too many.
	LogsLeft map[string]int
	// Killed says why the gateway's processes were ended, when they used up what they may; see [Overrun].
	Killed *Error
}

// How it ended where the client himself, or what comes before HTTP, had a part in it; see [Answer].
const (
	Left    = "left"             // he went
	NotKept = "not kept"         // the connection took no second request
	NoTLS   = "handshake failed" // the gateway refused his TLS
)

// PutSpec writes files into a catch-all sandbox.
type PutSpec struct {
	Files []File
}

// Tree is the files of a folder, by their full path.
type Tree map[string]string

// WipeSpec empties folders of a catch-all sandbox.
type WipeSpec struct {
	Folders []string
}

// LookSpec asks which paths of a catch-all sandbox there are.
type LookSpec struct {
	Paths []string
}

// UpLimit is how long a gateway may take to come up.
const UpLimit = 30 * time.Second
