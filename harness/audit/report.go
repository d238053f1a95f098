// Package audit takes a gateway's config as it is, runs it on a real nginx in a sealed lab where everything that it asks
// for exists, breaks each of its upstreams in each way, and says what clients would get.
package audit

import (
	"time"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/gateway"
)

// Schema names the form of a Report's JSON. A field is added without a new number; one that changes or goes brings one.
const Schema = "badgateway.check/1"

// A Report is all that a check found.
type Report struct {
	Schema string `json:"schema"`
	// Version is that of badgateway; empty where a program has measured that does not say.
	Version string `json:"version,omitempty"`
	Config  string `json:"config"` // the path that was checked, or the image
	Main    string `json:"main"`   // its main file, relative to it
	Gateway string `json:"gateway"`
	Image   string `json:"image,omitempty"`
	Clock   string `json:"clock"` // "moved" or "real"
	// ClockWhy is the reason; ClockUnasked is true where it was real, and nobody had asked for that.
	ClockWhy     string `json:"clock_why,omitempty"`
	ClockUnasked bool   `json:"clock_unasked,omitempty"`

	Started time.Time `json:"started"`
	// Took is how long the check took, in real time.
	Took    time.Duration `json:"took_ns"`
	Command string        `json:"command"`
	// Verdict is "passed", "findings" or "refused".
	Verdict string `json:"verdict"`
	// Refused says why the config can't be loaded; nil when it was.
	Refused *Refusal `json:"refused,omitempty"`
	// Supplied is all that the config asked for and the lab made up.
	Supplied []Supply `json:"supplied"`
	// Notes are what the reader should know of the check itself: what was left out, and why.
	Notes []string `json:"notes,omitempty"`
	// Faults are the columns of the matrix.
	Faults   []FaultInfo `json:"faults"`
	Routes   []Route     `json:"routes"`
	Findings []Finding   `json:"findings"`
	// Static is true where the config was read and not run: nothing was measured, and no finding is proven.
	Static bool `json:"static,omitempty"`
	// Fix are the files that all proven mends change, which were tried together.
	Fix []FileChange `json:"-"`
	// Partial is true when not all routes or faults were looked at (--route, --fault).
	Partial bool `json:"partial,omitempty"`
	// VersionNotes are the known changes of nginx's behaviour, between whatever versions, that touch the config; a comparison takes
	// from them.
	VersionNotes []VersionNote `json:"version_notes,omitempty"`
	// PolicyFile is the policy that was held against the measurements; empty for the default.
	PolicyFile string `json:"policy_file,omitempty"`
	// FailOn is the least severity of a finding that fails ("high", "medium", "low"); "medium" when empty.
	FailOn string `json:"fail_on,omitempty"`
}

// The verdicts of a Report.
const (
	Passed   = "passed"
	Findings = "findings"
	Refused  = "refused"
)

// A Refusal says why a config can't be loaded.
type Refusal struct {
	Kind    string          `json:"kind"` // "mistake", "template", "module", "plus", "version", "undefined", "build", "empty", "limit", "start"
	Message string          `json:"message"`
	Place   nginxconf.Place `json:"place"`
	// Nginx are nginx's own words, where it was nginx that refused.
	Nginx string `json:"nginx,omitempty"`
	// Remedy is what to do.
	Remedy string `json:"remedy"`
}

// A Supply is one thing that the config asked for, that the machine lacked, and that the lab made up.
type Supply struct {
	Kind  string          `json:"kind"` // "name", "address", "socket", "user", "certificate", "key", "ca", "dhparam", "password file", "folder", "file", "include", "module", "variable", "listen", "wrapper"
	What  string          `json:"what"` // "app"
	With  string          `json:"with"` // "198.18.0.3"
	Place nginxconf.Place `json:"place"`
}

// FaultInfo is a column of the matrix.
type FaultInfo struct {
	ID       string   `json:"id"`                 // "refused"
	Title    string   `json:"title"`              // "refused"; at most 12 letters, the table's head
	Claim    string   `json:"claim"`              // "nothing listens at the upstream's address"
	Causes   []string `json:"causes,omitempty"`   // of the documented causes ("A1")
	Scenario string   `json:"scenario,omitempty"` // the scenario that shows it alone
	// Says is the status with which the application answers, where that is no failure: a visitor is to get just that. 0 for none.
	Says int `json:"says,omitempty"`
	// MustFail is true where an error is the right answer: whoever answers is not proven to be the upstream.
	MustFail bool `json:"must_fail,omitempty"`
	// Servers are real ones that do it, and Source is where that is told, for what not every upstream does.
	Servers []string `json:"servers,omitempty"`
	Source  string   `json:"source,omitempty"`
	// Visitor is true where all upstreams are well, and it is what a client does that is out of the ordinary.
	Visitor bool `json:"visitor,omitempty"`
}

// An Endpoint is one peer that a route calls.
type Endpoint struct {
	Name    string          `json:"name"`    // as the config has it: "app:8080", "unix:/run/php.sock"
	Address string          `json:"address"` // where the lab had it: "198.18.0.3:8080", or the same
	Place   nginxconf.Place `json:"place"`   // line 0 when the config does not list it
	Backup  bool            `json:"backup,omitempty"`
	// Called reports whether the gateway called it for some request while all was well, or while the peers that it is the backup
	// of were dead; a note says why not.
	Called bool `json:"called"`
}

// A ClientRequest is the request that reaches a route.
type ClientRequest struct {
	Method string            `json:"method"`
	URL    string            `json:"url"` // "https://example.com:8443/api/x"
	To     string            `json:"to"`  // the address that the client connects to
	Header map[string]string `json:"header,omitempty"`
	// Requires is what the upstreams beside the route's own have to answer for the request to get there; empty when all is well.
	Requires string `json:"given,omitempty"` // "app:8080 answers 404"
}

// A Route is one route from a client to an upstream, with its row of the matrix.
type Route struct {
	ID       string          `json:"id"` // "example.com/api/"; unique
	Listen   string          `json:"listen"`
	Server   string          `json:"server"`   // its first name
	Location string          `json:"location"` // "/api/", "~ \.php$", "@app"
	Role     nginxconf.Role  `json:"role"`
	Protocol string          `json:"protocol"`
	Pass     string          `json:"pass"` // "http://backend"
	Place    nginxconf.Place `json:"place"`
	Upstream string          `json:"upstream,omitempty"` // the upstream block
	// Dynamic is true when the config does not list the upstreams (http://$host).
	Dynamic   bool       `json:"open,omitempty"`
	Endpoints []Endpoint `json:"endpoints"`
	// Down are the entries of the upstream block that are marked down: nobody is called there, and nginx counts them all the same.
	Down []string `json:"down,omitempty"`
	// Reached reports whether a request was proven to get there; Why says why not.
	Reached bool          `json:"reached"`
	Why     string        `json:"why,omitempty"`
	Ask     ClientRequest `json:"ask"`
	// SameAs names the route whose matrix holds for this one too, for configs with very many that are alike.
	SameAs string `json:"like,omitempty"`
	// Healthy is the answer before any fault.
	Healthy      Outcome       `json:"healthy"`
	Measurements []Measurement `json:"cells"`
	// Breaches are what the policy does not allow of the healthy answer.
	Breaches []string `json:"breaches,omitempty"`
}

// A Measurement is one fault on one route with one method.
type Measurement struct {
	Fault  string `json:"fault"`
	Method string `json:"method"` // "GET" or "POST"; "TCP" or "UDP" for stream
	// Skipped says why the fault does not apply; all else is empty then.
	Skipped string `json:"skipped,omitempty"`
	// SkippedAs is what that means for clients; empty where it says nothing of them.
	SkippedAs SkippedAs `json:"skipped_as,omitempty"`
	// Error says that the lab failed; never a finding.
	Error string `json:"error,omitempty"`
	// MeasuredAgain says, for each earlier measurement that counts for nothing, how the machine had no processor for it.
	MeasuredAgain []string `json:"measured_again,omitempty"`
	Outcome
	// ErrorsFor is for how long clients still got errors after the upstream was healthy again; 0 for not at all.
	ErrorsFor time.Duration `json:"errors_for_ns,omitempty"`
	// NotRecovered is true when they still did at the end of the observation (ErrorsFor).
	NotRecovered bool `json:"never,omitempty"`
	// Cached is true when an error was served although no upstream was asked.
	Cached bool `json:"cached,omitempty"`
	// Warm is the status that a cache gives which has the page, and whose time for it is over; 0 where that was not looked at.
	Warm int `json:"warm,omitempty"`
	// Started is false when the gateway did not start under the fault, as with a name that is gone.
	NotStarted string `json:"not_started,omitempty"` // nginx's own words
	// Worst is the worst answer of several, where one of several peers is dead: Outcome is that one, Of how many asked, Bad
	// how many of those got an error or waited.
	Of  int `json:"of,omitempty"`
	Bad int `json:"bad,omitempty"`
	// Held is true when an upstream was still at work after the client had gone, or taken the beginning of its answer.
	Held bool `json:"held,omitempty"`
	// Masked is true when the upstream failed, the answer was no upstream's, and its status does not say so (404, or 200 with an
	// error page).
	Masked bool `json:"masked,omitempty"`
	// Breaches are what the policy does not allow.
	Breaches []string `json:"breaches,omitempty"`
}

// SkippedAs is what a skipped measurement means for clients.
type SkippedAs string

// What a skipped measurement may mean.
const (
	// Immune means that the gateway does not do what the fault needs (it keeps no connection, it does not ask in HTTP/1.1): an upstream
	// that fails so harms nobody.
	Immune SkippedAs = "immune"
	// Unhealthy means that this method was not answered as it should be without any fault.
	Unhealthy SkippedAs = "unhealthy"
)

// An Outcome is what a client got, and what led to it.
type Outcome struct {
	Status   int    `json:"status"` // 0 when none came
	NoAnswer string `json:"no_answer,omitempty"`
	Cut      bool   `json:"cut,omitempty"`
	// SilentTruncation is true when the upstream's answer was cut and the client's was not: he can't know.
	SilentTruncation bool `json:"whole,omitempty"`
	// Waited is how long the client waited, in the config's own time; he still waited at NotBefore.
	Waited    time.Duration `json:"waited_ns"`
	NotBefore time.Duration `json:"not_before_ns,omitempty"`
	// TimedOut is true when he still waited at the end of the observation (Waited).
	TimedOut bool `json:"endless,omitempty"`
	// Tries are the peers that were tried, in order, by the endpoint's name.
	Tries []string `json:"tries,omitempty"`
	// Repeated is how many times more than once the request's body reached an upstream.
	Repeated int `json:"repeated,omitempty"`
	// Page says whose body it was: "nginx" (its built-in page), "config" (the config's own), "upstream", "" for none.
	Page string `json:"page,omitempty"`
	// Version is true when the page or a header shows the gateway's version.
	Version bool `json:"version,omitempty"`
	// Body is the beginning of the answer's body.
	Body   string              `json:"body,omitempty"`
	Header map[string][]string `json:"header,omitempty"`
	// Log are the gateway's lines of level warn and above of this request, LogFile where they went.
	Log     []gateway.LogRecord `json:"log,omitempty"`
	LogFile string              `json:"log_file,omitempty"`
	// LogMore and CallsMore are how many more lines and calls there were than are kept.
	LogMore   int `json:"log_more,omitempty"`
	CallsMore int `json:"calls_more,omitempty"`
	// Loop is true when the gateway called itself without end, and was cut off.
	Loop bool `json:"loop,omitempty"`
	// Calls are the gateway's connections to upstreams.
	Calls []Call `json:"calls,omitempty"`
}

// A Call is one request of the gateway to an upstream.
type Call struct {
	Endpoint string `json:"endpoint"`
	Protocol string `json:"protocol"` // as its bytes showed: "http/1.0", "http/1.1", "h2", "fastcgi", ...
	TLS      bool   `json:"tls,omitempty"`
	SNI      string `json:"sni,omitempty"`
	Method   string `json:"method,omitempty"`
	URI      string `json:"uri,omitempty"`
	Host     string `json:"host,omitempty"`
	// Reused is true when the connection had carried a request before.
	Reused bool `json:"reused,omitempty"`
	// Close is true when the gateway said that it would close the connection after the answer.
	Close bool `json:"close,omitempty"`
}

// A Finding is what an expert would object to in review, from evidence.
type Finding struct {
	Rule     string `json:"rule"`     // "long-wait"
	Severity string `json:"severity"` // "high", "medium", "low"
	Title    string `json:"title"`    // "clients wait 60 s for a dead upstream"
	// RuleTitle is what the rule is about in general: "clients wait long for a dead upstream".
	RuleTitle string `json:"rule_title,omitempty"`
	// Place is the directive that decides it, or the block that lacks it.
	Place nginxconf.Place `json:"place"`
	// Lacks names the directive that the block lacks; empty when the place is the directive itself.
	Lacks string `json:"lacks,omitempty"`
	// Routes and Faults are where it was seen.
	Routes []string `json:"routes"`
	Faults []string `json:"faults,omitempty"`
	// Saw is what clients saw, from the evidence; of a finding that was only read, what the config's text says of them.
	Saw string `json:"saw"`
	// Read is true where the finding comes from the config's text alone: nothing was measured that shows it.
	Read bool `json:"read,omitempty"`
	// Patch is the lines that mend it, to be put In ("location /api/ at conf.d/app.conf:12").
	Patch string `json:"mend"`
	In    string `json:"in,omitempty"`
	// Edits are that mend as changes of the config; none where it is words alone, which nothing has proven.
	Edits []Edit `json:"-"`
	// Proof says what the mend changed when it was tried in the lab; empty for what is only advice.
	Proof string `json:"proof,omitempty"`
	// Costs says what visitors pay for the mend; empty for nothing.
	Costs string `json:"costs,omitempty"`
	// Unproven says what came of lines that were tried and are no mend.
	Unproven string `json:"unproven,omitempty"`
	Why      string `json:"why"`
	// Source is where it can be read.
	Source string `json:"source,omitempty"`
	// Waived holds the reason of a waiver that is in force.
	Waived string `json:"waived,omitempty"`
	Until  string `json:"until,omitempty"`
}
