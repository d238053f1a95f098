package diagnose

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway/apache"
)

// A Line is one line of a log, unwrapped, with what can be read from it. A saved page or an answer is a line, too.
type Line struct {
	File   string
	Number int    // from 1 on; 0 where it is not known
	Text   string // unwrapped
	// State says that this is how things stand now, found by looking, and no event of a log: it has no time, and counts whatever the time asked for.
	State bool
	// Form is what it is a line of: "nginx-error", "apache-error", "haproxy", "access", "envoy", "json", "page", "headers", or empty.
	Form   string
	Time   time.Time // zero where there is none
	Zoned  bool      // the time names its zone, or is one since 1970
	NoYear bool

	Level    string
	Errno    int    // as Linux has it, whatever system wrote it
	Status   int    // of an answer; 0 for none
	Asked    string // the status that the upstream gave, as an access log says it; empty where it doesn't
	Flags    string // how a session ended: HAProxy's termination state, Envoy's response flags
	PID      int
	Program  string // that wrote it, as the wrapping says
	Unit     string
	Pod      string
	Client   string
	Server   string
	Host     string // that the visitor asked for
	Route    string // method and path
	Request  string // the request's id
	Upstream string // as the gateway writes it: "fastcgi://10.0.0.5:9000"
	Address  string // of the upstream: host and port, or path of a socket
	Scheme   string // the protocol spoken to the upstream: http, fastcgi, ...
	Worker   string // of Apache's that calls it, by the name in ProxyPass
	Gateway  string // whose log it is: "nginx"
	Name     string // of a host that was looked up
	JSON     map[string]any

	low  string
	cut  int    // how much of low was there when the edge of a terminal cut the line; 0 where it did not
	also string // another form that it has: "headers", "text"
	// told says that low has nothing but what happened and to whom: lines with the same low have the same causes.
	told bool
}

// Lower is the text in lower case, as patterns are matched against it.
func (l *Line) Lower() string { return l.low }

// longest is how much of a line is looked at.
const longest = 64 << 10

// ReadLine reads one line. It never fails: what can't be read is left empty.
func ReadLine(text string) *Line {
	l := &Line{}
	l.read(text, &memory{})
	return l
}

func (l *Line) read(text string, m *memory) {
	if len(text) > longest {
		text = text[:longest]
	}
	l.Text = text
	if !nginxStart(text) || text[0] < '0' {
		unwrap(l)
	} else {
		l.Text = strings.TrimRight(text, "\r\n ")
		if strings.Contains(l.Text, "&quot;") || strings.Contains(l.Text, `\"`) || strings.IndexByte(l.Text, 0x1b) >= 0 {
			unwrap(l)
		}
	}
	if !l.ofNginx(m) {
		l.low = lower(l.Text)
		l.cut = cutAt(l.low)
		l.form()
		l.hint()
	}
	if l.Errno == 0 && !l.told {
		l.Errno = errnoOf(l.low)
	}
}

// cutAt is where a line ends that was cut at the edge of a terminal, as pagers of journalctl and systemctl mark it; 0 for a whole one.
func cutAt(s string) int {
	for _, mark := range [...]string{">", "…", "..."} {
		if rest, is := strings.CutSuffix(s, mark); is && len(rest) >= leastBegun {
			return len(rest)
		}
	}
	return 0
}

// lower is a text in lower case; only of ASCII, so that it is as long as before.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := make([]byte, len(s))
			copy(b, s[:i])
			for ; i < len(s); i++ {
				c := s[i]
				if 'A' <= c && c <= 'Z' {
					c += 'a' - 'A'
				}
				b[i] = c
			}
			return string(b)
		}
	}
	return s
}

// context reads "upstream: ..." and its like where the line can't be parsed as a whole.
func (l *Line) context() {
	take := func(key string) string {
		i := strings.Index(l.low, key)
		if i < 0 {
			return ""
		}
		rest := l.Text[i+len(key):]
		if strings.HasPrefix(rest, `"`) {
			rest = rest[1:]
			if e := strings.IndexByte(rest, '"'); e >= 0 {
				return rest[:e]
			}
			return rest
		}
		if e := strings.IndexAny(rest, ", "); e >= 0 {
			return rest[:e]
		}
		return rest
	}
	if l.Form != "nginx-error" {
		return
	}
	if l.Upstream == "" {
		l.Upstream = take("upstream: ")
	}
	if l.Client == "" {
		l.Client = take("client: ")
	}
	if l.Server == "" {
		l.Server = take("server: ")
	}
	if l.Host == "" {
		l.Host = take("host: ")
	}
	if l.Route == "" {
		l.route(take("request: "))
	}
}

// route sets the route of a request line.
func (l *Line) route(request string) {
	method, rest, ok := strings.Cut(request, " ")
	if !ok {
		return
	}
	target, _, _ := strings.Cut(rest, " ")
	l.Route = method + " " + path(target)
}

// path is a target without its query, 100 bytes at the most.
func path(target string) string {
	if i := strings.Index(target, "://"); i >= 0 {
		if j := strings.IndexByte(target[i+3:], '/'); j >= 0 {
			target = target[i+3+j:]
		}
	}
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	return target[:min(len(target), 100)]
}

// ofUpstream reads protocol and address from "fastcgi://unix:/run/php.sock:" and "http://10.0.0.5:80/path".
func (l *Line) ofUpstream() {
	scheme, rest, ok := strings.Cut(l.Upstream, "://")
	if !ok {
		if l.Upstream != "" {
			l.Address = l.Upstream // the stream module's
		}
		return
	}
	l.Scheme = scheme
	if strings.HasPrefix(rest, "unix:") {
		l.Address = strings.TrimSuffix(strings.TrimPrefix(rest, "unix:"), ":")
		if p := strings.TrimLeft(l.Address, "/"); strings.HasPrefix(l.Address, "//") {
			l.Address = "/" + p
		}
		if i := strings.IndexByte(l.Address, ':'); i > 0 {
			l.Address = l.Address[:i]
		}
		return
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest = rest[:i]
	}
	l.Address = rest
}

// more reads what any form may hold.
func (l *Line) more() {
	if l.Form == "access" && l.Status > 0 && l.Status < 500 { // most of all lines, and of these nothing more is asked
		return
	}
	if l.Address == "" {
		if m := connected.FindStringSubmatch(l.low); m != nil {
			l.Address = strings.TrimPrefix(m[1], "unix:")
		} else if m := checked.FindStringSubmatch(l.low); m != nil {
			l.Address = m[1] + m[2] + m[3]
		}
	}
	if l.Form == "nginx-error" && l.Level != "emerg" && l.Upstream != "" && !strings.Contains(l.low, "resolve") {
		return
	}
	if m := resolved.FindStringSubmatch(l.low); m != nil {
		for _, name := range m[1:] {
			if name != "" {
				l.Name = name
			}
		}
	}
	if l.Form == "nginx-error" || l.Form == "access" {
		return
	}
	if l.Unit == "" {
		if m := ofUnit.FindString(l.Text); m != "" {
			l.Unit = m
		}
	}
	if m := ofPID.FindStringSubmatch(l.low); m != nil {
		l.PID, _ = strconv.Atoi(m[1])
	}
}

// wellServed reports whether the line is an access log's, of a request that did not fail, or that the visitor's own doing made fail.
func (l *Line) wellServed() bool {
	if l.Status < 100 || l.Status >= 400 && l.Status != 401 && l.Status != 403 && l.Status != 404 {
		return false
	}
	switch l.Form {
	case "access", "haproxy":
		return true
	case "access-json":
		return l.JSON["error"] == nil && l.JSON["err"] == nil && l.JSON["level"] != "error" && l.JSON["level"] != "warn"
	}
	return false
}

// Socket reports whether the upstream is at a unix socket.
func (l *Line) Socket() bool { return strings.HasPrefix(l.Address, "/") }

// hint puts words behind the text for what its fields tell together, so that patterns find them: who wrote it, and what the times and
// addresses of an access log mean.
func (l *Line) hint() {
	if l.Program != "" {
		l.low += " [by " + lower(l.Program) + "]"
	}
	if l.Form == "apache-error" {
		if code := apache.Code(l.low); code != "" {
			l.low += " [" + code + "]"
		}
	}
	if l.Form == "envoy" {
		l.low += " " + strings.ReplaceAll(l.low, "_", " ")
		if m := delayed.FindStringSubmatch(l.low); m != nil {
			l.Errno, _ = strconv.Atoi(m[1])
		}
	}
	if l.Form != "access" && l.Form != "access-json" || l.Status < 500 {
		return
	}
	connectTime, headerTime, total := l.field("upstream_connect_time", "uct"), l.field("upstream_header_time", "uht"), l.field("upstream_response_time", "urt", "ut", "rt", "request_time")
	if i := ingress.FindStringSubmatch(l.Text); i != nil {
		total = i[4]
		if strings.Trim(i[2], " -") == "" && l.Status == 503 {
			l.low += " hint:nobody-there"
		}
	}
	last := total
	if n := strings.LastIndexAny(last, ", "); n >= 0 {
		last = last[n+1:]
	}
	seconds, _ := strconv.ParseFloat(last, 64)
	switch {
	case l.Status == 504 && connectTime != "" && connectTime != "-" && (headerTime == "" || headerTime == "-"):
		l.low += " hint:connected"
	case l.Status == 504 && connectTime == "-":
		l.low += " hint:not-connected"
	case l.Status == 504 && seconds > 4.9 && seconds < 5.2 && strings.Count(total, ",") > 0:
		l.low += " hint:not-connected"
	case l.Status == 504 && seconds > 9:
		l.low += " hint:waited"
	case l.Status == 502 && l.Address == "" && groupOnly.MatchString(l.low):
		l.low += " hint:no-live"
	case l.Status == 502 && strings.HasSuffix(connectTime, "-") && strings.ContainsAny(l.Address, ":/"):
		l.low += " hint:not-connected"
	case l.Status == 502 && connectTime != "" && !strings.HasSuffix(connectTime, "-") && strings.HasSuffix(headerTime, "-"):
		l.low += " hint:connected"
	}
}

var (
	delayed   = regexp.MustCompile(`connect error:[ _]?(\d+)`)
	groupOnly = regexp.MustCompile(`\b(?:ua|upstream|upstream_addr|ups|addr)[=:]"?[a-z][\w.-]*["\s].*\b(?:us|upstream_status|status)[=:]"?502|"upstream_addr":"[a-z][\w-]*"`)
	fielded   = regexp.MustCompile(`\b([a-z_]+)[=:]"?([\d., -]+)`)
)

// field is a field of an access log by one of its names.
func (l *Line) field(names ...string) string {
	for _, name := range names {
		switch v := l.JSON[name].(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
	}
	for _, m := range fielded.FindAllStringSubmatch(l.low, 40) {
		for _, name := range names {
			if m[1] == name {
				return strings.TrimSpace(m[2])
			}
		}
	}
	return ""
}
