package measure

import (
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/check"
	"github.com/badgateway/badgateway/harness/nginxlog"
	"github.com/badgateway/badgateway/harness/wire"
)

// keyOf is how reports name the peer at an address: by its name where it has one.
func keyOf(c wire.UpstreamCall) string {
	if c.Name == "" {
		return c.At
	}
	_, port, err := net.SplitHostPort(c.At)
	if err != nil {
		return c.At
	}
	return net.JoinHostPort(c.Name, port)
}

// seen are the names of the addresses that calls of a world had so far: log lines have addresses only.
type seen map[string]string

func (s seen) learn(news wire.WorldNews) {
	for _, c := range news.Calls {
		s[c.At] = keyOf(c)
	}
}

func (s seen) name(address string) string {
	if n, known := s[address]; known {
		return n
	}
	return address
}

// outcomeOf is what a visitor got, and what led to it.
func outcomeOf(a wire.WorldAnswer, names seen) check.Outcome {
	names.learn(a.News)
	o := check.Outcome{
		Status: a.Status, NoAnswer: a.NoAnswer, Cut: a.Cut, Waited: a.Waited, NotBefore: a.NotBefore, Endless: a.Endless,
		Body: a.Body, Header: a.Header,
	}
	o.Log, o.LogFile = logOf(a)
	o.Calls, o.Loop = callsOf(a.News), a.News.Loop
	o.Tries = triesOf(a.News, o.Log, names)
	o.Repeated = repeated(a.News)
	o.Page = pageOf(o)
	o.Version = versionPattern.MatchString(o.Body) && o.Page == "nginx" || versionPattern.MatchString(strings.Join(a.Header["Server"], " "))
	return o
}

// logOf are the lines of level warn and above, and the file that has them.
func logOf(a wire.WorldAnswer) (lines []nginxlog.Line, file string) {
	files := make([]string, 0, len(a.Logs))
	for f := range a.Logs {
		files = append(files, f)
	}
	slices.Sort(files)
	for _, f := range files {
		all, _ := nginxlog.ParseAll(a.Logs[f])
		for _, l := range all {
			if l.AtLeast("warn") {
				lines, file = append(lines, l), f
			}
		}
	}
	for _, text := range a.News.Syslog {
		// "<187>Nov 23 10:00:00 host nginx: " comes before the line itself.
		if i := strings.Index(text, ": "); i >= 0 {
			all, _ := nginxlog.ParseAll(text[i+2:] + "\n")
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
func callsOf(n wire.WorldNews) []check.Call {
	var all []check.Call
	for _, c := range n.Calls {
		if c.Self {
			all = append(all, check.Call{Endpoint: c.At, Protocol: "itself"})
			continue
		}
		call := check.Call{Endpoint: keyOf(c), Protocol: c.Record.Protocol}
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
				one.Close = strings.EqualFold(r.Header("Connection"), "close") ||
					r.Protocol == "HTTP/1.0" && !strings.EqualFold(r.Header("Connection"), "keep-alive")
			}
			all = append(all, one)
		}
	}
	return all
}

// triesOf are the peers that were tried, by name: each that failed has a line in the log, and what upstreams saw beyond those
// did not fail.
func triesOf(n wire.WorldNews, log []nginxlog.Line, names seen) []string {
	var tries []string
	failed := map[string]int{}
	for _, l := range log {
		at := addressIn(l.Upstream)
		if at == "" {
			continue
		}
		tries = append(tries, names.name(at))
		failed[at]++
	}
	for _, c := range n.Calls {
		if c.Self {
			continue
		}
		for range max(1, len(c.Record.Requests)) {
			if failed[c.At] > 0 {
				failed[c.At]--
				continue
			}
			tries = append(tries, keyOf(c))
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
	return m[1]
}

// repeated is how many times more than once a request with a body reached an upstream.
func repeated(n wire.WorldNews) int {
	posts := map[string]int{}
	for _, c := range n.Calls {
		for _, r := range c.Record.Requests {
			if r.Method == "POST" && !r.HeadRead.IsZero() {
				posts[r.URI]++
			}
		}
	}
	most := 0
	for _, p := range posts {
		most = max(most, p-1)
	}
	return most
}

var (
	builtInPage    = regexp.MustCompile(`(?s)<center>(nginx|openresty|angie|tengine|freenginx)`)
	versionPattern = regexp.MustCompile(`(nginx|openresty|angie|tengine)/\d`)
)

// ownPage begins the pages of the lab's upstreams.
const ownPage = "badgateway: "

// upstreamPattern begins the bodies that the fakes make of a given size.
const upstreamPattern = "0123456789abcdef"

// pageOf tells whose page the visitor sees.
func pageOf(o check.Outcome) string {
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

// good tells whether an answer is as good as the healthy one.
func good(o, healthy check.Outcome) bool {
	return o.Status == healthy.Status && o.NoAnswer == healthy.NoAnswer && !o.Cut && !o.Endless && o.Page == healthy.Page
}
