package measure

import (
	"net"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
)

// keyOf is how reports name the peer at an address: by its name where it has one.
func keyOf(c lab.UpstreamCall) string {
	if c.Name == "" {
		return c.At
	}
	_, port, err := net.SplitHostPort(c.At)
	if err != nil {
		return c.At
	}
	return net.JoinHostPort(c.Name, port)
}

// addressNames are the names of the addresses that a sandbox's gateway looked up or called so far: log lines have addresses only. The
// keys are addresses, with a port or without.
type addressNames map[string]string

func (s addressNames) learn(events lab.Events) {
	for _, l := range events.DNSQueries {
		if l.Got != "" {
			s[l.Got] = l.Name
		}
	}
	for _, c := range events.Calls {
		s[c.At] = keyOf(c)
	}
}

func (s addressNames) name(address string) string {
	if n, known := s[address]; known {
		return n
	}
	if host, port, err := net.SplitHostPort(address); err == nil {
		if n, known := s[host]; known {
			return net.JoinHostPort(n, port)
		}
	}
	return address
}

// addressOf is where the lab has what reports call so.
func (s addressNames) addressOf(key string) string {
	host, port, err := net.SplitHostPort(key)
	if err != nil {
		return key
	}
	for address, name := range s {
		switch name {
		case key:
			return address
		case host:
			return net.JoinHostPort(address, port)
		}
	}
	return key
}

// outcome is what a client of the route got, and what led to it.
func (r *route) outcome(a lab.ProbeAnswer, names addressNames) audit.Outcome {
	keys := allAddresses(r.keys)
	names.learn(a.Events)
	o := audit.Outcome{
		Status: a.Status, NoAnswer: a.NoAnswer, Cut: a.Cut, Waited: a.Waited, NotBefore: a.NotBefore, TimedOut: a.Endless,
		Body: a.Body, Header: a.Header,
	}
	if r.conf.Stream && o.NoAnswer == "reset" {
		o.NoAnswer = "closed" // which of the two depends on whether the client's bytes had come by then
	}
	if r.request.udp && o.TimedOut {
		o.TimedOut, o.Waited, o.NotBefore = false, 0, 0 // a datagram that is not answered is waited for as long as the client likes
	}
	o.Log, o.LogFile = logOf(a)
	for _, n := range a.LogsLeft {
		o.LogMore += n
	}
	o.Calls, o.Loop = callsOf(a.Events), a.Events.Loop
	o.Tries = triesOf(a.Events, o.Log, names, keys)
	o.Repeated = repeated(a.Events, keys)
	for i := range o.Calls {
		o.Calls[i].Endpoint = r.nameOf(o.Calls[i].Endpoint)
	}
	for i := range o.Tries {
		o.Tries[i] = r.nameOf(o.Tries[i])
	}
	o.Page = pageOf(o)
	bound(&o)
	o.Version = versionPattern.MatchString(o.Body) && o.Page == "nginx" || versionPattern.MatchString(strings.Join(a.Header["Server"], " "))
	return o
}

// nameOf is how the config names what was called, where that is one of the route's own.
func (r *route) nameOf(key string) string {
	for _, e := range r.Endpoints {
		if slices.Contains(allAddresses([]string{canonicalKey(e.Name)}), canonicalKey(key)) {
			return e.Name
		}
	}
	return key
}

// logOf are the lines of level warn and above, and the file that has them.
func logOf(a lab.ProbeAnswer) (lines []gateway.LogRecord, file string) {
	files := make([]string, 0, len(a.Logs))
	for f := range a.Logs {
		files = append(files, f)
	}
	slices.Sort(files)
	known, inFile := map[string]int{}, map[string]int{}
	for _, f := range files {
		all, _ := nginx.ParseLogs(a.Logs[f])
		for _, l := range all {
			if !l.AtLeast("warn") {
				continue
			}
			inFile[f+l.Raw]++
			if inFile[f+l.Raw] > known[l.Raw] { // with several error_log directives each file has the line
				known[l.Raw]++
				lines, file = append(lines, l), f
			}
		}
	}
	for _, text := range a.Events.Syslog {
		// "<187>Nov 23 10:00:00 host nginx: " comes before the line itself.
		if i := strings.Index(text, ": "); i >= 0 {
			all, _ := nginx.ParseLogs(text[i+2:] + "\n")
			for _, l := range all {
				if l.AtLeast("warn") {
					lines, file = append(lines, l), "syslog"
				}
			}
		}
	}
	if strings.HasPrefix(file, "/badgateway-output/") {
		file = "stderr"
	}
	return lines, file
}

// callsOf are the requests that upstreams read, and connections on which none came.
func callsOf(n lab.Events) []audit.Call {
	var all []audit.Call
	for _, c := range n.Calls {
		if c.Self {
			all = append(all, audit.Call{Endpoint: c.At, Protocol: "itself"})
			continue
		}
		call := audit.Call{Endpoint: keyOf(c), Protocol: c.Record.Protocol}
		if c.UDP {
			call.Protocol = "udp"
		}
		if t := c.Record.TLS; t != nil {
			call.TLS, call.SNI = true, t.ServerName
		}
		if len(c.Record.Requests) == 0 {
			all = append(all, call)
		}
		for _, r := range c.Record.Requests {
			one := call
			one.Method, one.URI, one.Host, one.Reused = r.Method, r.URI, r.Header("Host"), r.Number > 1
			if call.Protocol == "http" && r.Protocol != "" {
				one.Protocol = strings.ToLower(r.Protocol)
			}
			one.Close = !r.Keep && (call.Protocol == "http" || call.Protocol == "fastcgi")
			all = append(all, one)
		}
	}
	return all
}

// triesOf are the peers of a route that were tried, by name. How often is what was seen on the wire: requests that upstreams read,
// and connections that were begun to those that are down. The log, which a config may split, send nowhere, or write twice, only tells
// in which order those came that failed. What else a request calls (an auth service, a mirror) is no try.
func triesOf(n lab.Events, log []gateway.LogRecord, names addressNames, keys []string) []string {
	var tries []string
	add := func(name string) {
		if len(keys) == 0 || slices.Contains(keys, canonicalKey(name)) {
			tries = append(tries, name)
		}
	}
	called := map[string]int{}
	for _, at := range n.DownCalls {
		called[at]++
	}
	for _, c := range n.Calls {
		if !c.Self {
			called[c.At] += max(1, len(c.Record.Requests))
		}
	}
	failed := map[string]int{}
	for _, l := range log {
		at := addressIn(l.Upstream)
		if at == "" || !l.AtLeast("error") {
			continue // a warning comes beside the error of the same try
		}
		if strings.HasPrefix(at, "unix:") && strings.HasPrefix(l.Message, "connect()") { // of a socket at which nobody listens the log alone tells
			called[at]++
		}
		if failed[at] < called[at] {
			failed[at]++
			add(names.name(at))
		}
	}
	rest := func(at, name string) {
		if failed[at] > 0 {
			failed[at]--
			return
		}
		add(name)
	}
	for _, at := range n.DownCalls {
		rest(at, names.name(at))
	}
	for _, c := range n.Calls {
		if c.Self {
			continue
		}
		for range max(1, len(c.Record.Requests)) {
			rest(c.At, keyOf(c))
		}
	}
	return tries
}

var upstreamAddress = regexp.MustCompile(`^(?:[a-z]+://)?(unix:[^:]+|\[[0-9a-f:.]+\]:\d+|[^/]+:\d+)`)

// addressIn is the address in what a log line says of its upstream ("http://10.0.0.5:8080/x", "fastcgi://unix:/run/x.sock:").
func addressIn(upstream string) string {
	m := upstreamAddress.FindStringSubmatch(upstream)
	if m == nil {
		return ""
	}
	if socket, ok := strings.CutPrefix(m[1], "unix:"); ok {
		return "unix:" + path.Clean(socket)
	}
	return m[1]
}

// repeated is how many times more than once a POST reached these upstreams. What is mirrored to others is not repeated.
func repeated(n lab.Events, keys []string) int {
	posts := 0
	for _, c := range n.Calls {
		if !slices.Contains(keys, canonicalKey(keyOf(c))) {
			continue
		}
		for _, r := range c.Record.Requests {
			if r.Method == "POST" && !r.HeadRead.IsZero() {
				posts++
			}
		}
	}
	return max(0, posts-1)
}

var (
	builtInPage    = regexp.MustCompile(`(?s)<center>(nginx|openresty|angie|tengine|freenginx)`)
	versionPattern = regexp.MustCompile(`(nginx|openresty|angie|tengine)/\d`)
)

// ownPage begins the pages of the lab's upstreams.
const ownPage = "badgateway: "

// upstreamPattern begins the bodies that the fakes make of a given size.
const upstreamPattern = "0123456789abcdef"

// pageOf says whose page the client sees.
func pageOf(o audit.Outcome) string {
	switch body := strings.TrimSpace(o.Body); {
	case body == "":
		return ""
	case builtInPage.MatchString(body):
		return "nginx"
	case strings.Contains(body, ownPage), strings.HasPrefix(body, upstreamPattern), body == "ok":
		return "upstream"
	default:
		return "config"
	}
}

// masked reports whether a failure of the upstream comes out with a status that does not say so: the answer is no upstream's (one
// of another upstream, or of a cache, is what the client came for), and it is no 5xx. A redirect and a 429 tell a client to come
// again elsewhere or later, and gRPC has its status in a header. What the application itself answered below 500 is no failure.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
func (r *route) masked(f audit.Fault, c audit.Measurement) bool {
	answers, ok := f.For(r.Protocol).(fakeupstream.Well)
	_, grpc := c.Header["Grpc-Status"]
	grpc = grpc || strings.HasPrefix(strings.Join(c.Header["Content-Type"], ""), "application/grpc") // it is cut before its trailer
	switch {
	case f.Visitor, c.Fault == audit.Healthy, c.Skipped != "", c.Error != "", c.NotStarted != "", r.Role == nginxconf.Mirror, r.Role == nginxconf.After,
		ok && answers.Status < 500, f.Says > 0 && c.Status == f.Says, grpc, c.Page == "upstream", asHealthy(c.Outcome, r.Healthy):
		return false
	}
	return c.Status >= 200 && c.Status < 300 || c.Status >= 400 && c.Status < 500 && c.Status != 429
}

// asHealthy reports whether an answer is as good as the healthy one.
func asHealthy(o, healthy audit.Outcome) bool {
	return o.Status == healthy.Status && o.NoAnswer == healthy.NoAnswer && !o.Cut && !o.TimedOut && o.Page == healthy.Page
}
