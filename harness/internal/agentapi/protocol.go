package agentapi

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
)

// The first byte of a stream says what it carries.
const (
	StreamCalls  = 'c' // calls, one after the other, each a request and its answer in JSON
	StreamTunnel = 't' // where to and the answer to that in JSON, each a line, then the bytes of one TCP connection
)

// Hello is what the agent says of the container that it runs in.
type Hello struct {
	PID    int    // the agent's own, in the container's process namespace
	Kernel string // uname -r
	Lacks  []Lack // what sandboxes need and the container does not have
	Limits Limits // what the kernel holds the container to
	// DiskFree is how many bytes are left where the container's own files are.
	DiskFree int64
}

// Tried are the things of which a [Lack] may tell, as its What names them.
var Tried = []string{
	CapabilityOf("NET_ADMIN"), CapabilityOf("SYS_ADMIN"), CapabilityOf("SYS_PTRACE"),
	NetworkNamespaces, MountNamespaces, Mounts, Setns, Nftables, Openat2, ConnectsSeen,
}

// Names of things that are tried.
const (
	NetworkNamespaces = "network namespaces"
	MountNamespaces   = "mount namespaces"
	Mounts            = "mounts"
	Setns             = "setns(2)"
	Nftables          = "nftables"
	Openat2           = "openat2(2)"
	ConnectsSeen      = "seccomp notifications"
)

// CapabilityOf is what a capability is called in a [Lack].
func CapabilityOf(name string) string { return "the capability " + name }

// What a [Lack] takes away.
const (
	NeedSandboxes = "sandboxes"
	NeedCatchAll  = "catch-all sandboxes"
	NeedFilters   = "packet filters"
	NeedMemory    = "a limit on memory"
	NeedCPUs      = "a limit on processors"
	NeedAttempts  = "the tries of a request"
)

// A Lack is something that a container has no right to, or that its kernel does not have.
type Lack struct {
	Need   string // what it takes away: NeedSandboxes and so on
	What   string // "the capability SYS_ADMIN"
	Why    string // the kernel's answer, or what it is for
	Remedy string // who grants it, and how
}

// Limits are what the kernel holds a container to; 0 is no limit.
type Limits struct {
	Memory int64   // bytes
	Pids   int64   // processes and threads
	CPUs   float64 // processors' worth of time
}

// A Folder of a sandbox is private to it: what it holds is seen by no other sandbox, and goes with the sandbox.
type Folder struct {
	Path string // as the sandbox's processes see it
	Keep bool   // starts as a copy of the image's own; otherwise empty
	From string // with Keep: another folder of the image, whose files are there too, unless the first has them
}

// A File is written into a sandbox. Its path has to lie in one of the sandbox's folders, or name a file that exists in the
// image, which it then covers.
type File struct {
	Path string
	Data string
	Mode uint32 // 0644 when 0, 0755 for a folder
	User string // owner, with its group, or "uid:gid"; root when empty
	Link string // it is a symbolic link to this
	Dir  bool   // it is a folder
	Gone bool   // there is nothing at the path; for a catch-all sandbox
}

// SandboxSpec describes a sandbox to be opened.
type SandboxSpec struct {
	ID        string
	Join      string   // the network namespace to join, as a path; empty makes a new one
	Folders   []Folder // private folders
	Files     []File
	Addresses []string // IP addresses that the sandbox's loopback owns, or nets of them ("198.51.100.1/24")
	Logs      []string // files whose news come with each answer
	// Syslog is where programs find a syslog daemon: "unix:/dev/log", or "127.0.0.1:514" by UDP. What they send goes into SyslogTo, each
	// datagram a line.
	Syslog   []string
	SyslogTo string
	Fakes    []FakeSpec    // fake upstreams that play from the start
	Gateway  *ProcSpec     // started once the fakes play; nil for later
	CatchAll *CatchAllSpec // makes it a catch-all sandbox; nil for an ordinary sandbox
	Still    bool          // with Join: its clock is that of the sandbox that it joins, which all but stands still between two moves
	Pace     float64       // how many times as fast as the machine's its clock goes; 0 for one that is moved
}

// SandboxOpened answers OpenCell.
type SandboxOpened struct {
	Gateway ProcStarted // of what was to be started
	Netns   string      // path by which another container of the lab joins the network namespace
}

// ProcSpec describes a process to be started in a sandbox.
type ProcSpec struct {
	Name  string // "gateway", "app"
	Argv  []string
	Env   []string
	Clock bool     // obeys the sandbox's clock, by libfaketime
	Files []File   // written before it starts
	Ready []string // where it has to listen before it counts as started: "192.0.2.1:80", ":80" or "unix:/run/x.sock"
	Limit time.Duration
	Wake  WakeSignal
	// Attempts makes its calls of connect count, and those of whatever it starts, as the attempts of the clients' requests.
	Attempts bool
}

// A WakeSignal interrupts the sleep of a process, so that it looks at the clock after that was moved.
type WakeSignal struct {
	Signal   int  // 0 means that it needs none
	Children bool // the signal goes to the children of the process, not to the process itself
	// Connect is an address that the process listens at, which is called in place of a signal: for one that no signal interrupts.
	Connect string
}

// ProcStarted answers Start.
type ProcStarted struct {
	PID    int
	Exited bool   // it ended before it was ready
	Output string // what it printed, when it ended
	// Clockless is true when it was to obey the sandbox's clock, and does not.
	Clockless bool
}

// ClockSpec is a run of a program by which it shows what time it takes it to be: it prints that, and need not end.
type ClockSpec struct {
	Argv  []string
	Files []File // that it needs, each in a folder below [Root] that is removed afterwards
}

// ClockTaken says why the clock of that program cannot be moved; empty when it can.
type ClockTaken struct {
	Why string
	// Musl is true when it is because the program is built for musl, and the libfaketime that was brought along is not.
	Musl bool
}

// ProcRef names a process of a sandbox.
type ProcRef struct {
	Name     string
	Signal   int
	Children bool // the signal goes to the children
	Group    bool // the signal goes to the process and all its descendants
	Await    bool // wait for the process to end
}

// FakeSpec starts a fake upstream in a sandbox.
type FakeSpec struct {
	Name string
	Spec fakeupstream.Spec
}

// NameRef names a thing of a sandbox: a fake upstream, a process, a file.
type NameRef struct {
	Name string
}

// AskSpec is one request of the client.
type AskSpec struct {
	Name    string // of the ask within the sandbox
	From    string // the client's address
	To      string // the gateway's address with port
	Raw     []byte // the request as it goes over the wire, up to its body
	Body    string
	Times   int    // how often the body is repeated; once when 0
	Stalls  int    // after so many bytes of the body nothing more is sent; 0 for all of it; not by HTTP/2
	Head    bool   // it is a HEAD request, so that the answer has no body
	Gateway string // the process that answers
	Limit   time.Duration
	// TLS makes the client speak TLS and name ServerName, HTTP2 speak HTTP/2, with TLS or without.
	TLS        bool
	ServerName string
	HTTP2      bool
	// Keep names a client that leaves its connection open, and sends its next request over it; empty for one that closes it.
	Keep string
}

// LookUpSpec asks a DNS server for the address of a name, as a client does.
type LookUpSpec struct {
	Server string // "203.0.113.53:53"
	Name   string // "example.com"
	From   string // the client's address
	Limit  time.Duration
}

// LookedUp is the first IPv4 address that it was told.
type LookedUp struct{ Address string }

// Answer is what the client got.
type Answer struct {
	Status    int
	Header    map[string][]string
	Body      string // 4 KiB at the most
	BodyBytes int64
	Cut       bool   // ended before its declared length or last chunk
	NoAnswer  string // "refused", "closed", "reset", "silent", "garbled" or [Left], when there is no status
	Real      time.Duration
	Reused    bool              // the client had kept the connection from an earlier request
	Logs      map[string]string // what was added to each log file of the sandbox since the last answer
	Attempts  Attempts
}

// MoveSpec moves a sandbox's clock.
type MoveSpec struct {
	Offset time.Duration // from the machine's clock; it only grows
	// Runs makes the clock go on at the machine's pace between two moves, from now on. Otherwise the gateway's all but stands
	// still.
	Runs bool
}

// NetSpec is one thing broken in a sandbox's network.
type NetSpec struct {
	// Kind is "drop", "reject", "route", "away" or "off".
	Kind string
	// To is the address ("10.0.0.5:9000"; without a port for the kinds that break a whole host).
	To string
	// With is the kind of reject ("tcp-reset", "icmp-port-unreachable", ...) or of route ("unreachable", ...).
	With string
	// Real leaves the kernel's own timers as they are; otherwise what would take seconds is made to take a fraction.
	Real bool
	// Answers makes a drop hit the packets that come from the address, not those that go to it.
	Answers bool
}

// FileSpec changes a file of a sandbox.
type FileSpec struct {
	File  File
	Chmod bool // only the mode changes
}

// ChangeRef names a change of a file of a sandbox.
type ChangeRef struct {
	Change int
}

// DiskSpec makes a folder of a sandbox a file system of its own size, or gives it back.
type DiskSpec struct {
	Path  string
	Bytes int64 // 0 gives the folder back
}

// FileText answers ReadFile.
type FileText struct {
	Text    string
	Missing bool
}

// None is the argument or answer of a call that needs none.
type None struct{}

// ReachedSpec names what a fake upstream has to have been reached by.
type ReachedSpec struct {
	Name                           string
	Connections, Requests, Answers int
}

// TakenSpec names the address of an upstream that has to have the gateway's request.
type TakenSpec struct {
	Gateway string
	At      string // "10.0.0.5:8080"
	Unread  bool   // it may lie in the kernel's queue, unread
}

// Root is where the sandboxes' folders lie in a container. It is a volume, so that a backend in a container of its own
// shares them.
const Root = "/badgateway"

// FaketimeAt is where the lab puts libfaketime in a container.
const FaketimeAt = "/badgateway-libfaketime.so.1"

// Output is what a command printed, on either stream.
type Output struct{ Text string }

// FollowSpec names a log file of a sandbox whose news are to come with each answer.
type FollowSpec struct {
	Path string
}

// BaselineSpec says how many cases to do by hand, and how many at once.
type BaselineSpec struct{ Cases, Parallel int }

// BaselineTook is how long that took.
type BaselineTook struct{ Took time.Duration }

// LoadSpec says how many requests to send to an address of a sandbox, over how many connections.
type LoadSpec struct {
	To                    string
	Requests, Connections int
}

// OutputOf is the file of a cell that holds what a process printed.
func OutputOf(process string) string { return "/badgateway-output/" + process }
