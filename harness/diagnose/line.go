package diagnose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway/apache"
	"github.com/badgateway/badgateway/harness/gateway/haproxy"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
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
	Gateway  string // whose log it is: "nginx"
	Name     string // of a host that was looked up
	JSON     map[string]any

	low  string
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

// A memory has what lines said that were read before: the same things happen again and again. It is for one goroutine.
type memory struct {
	said    map[string]saying
	scratch []byte
}

// A saying is what nginx says of itself in a line, in lower case, with the error number in it.
type saying struct {
	low   string
	errno int
}

// recall is the saying that the scratch has.
func (m *memory) recall() saying {
	said, known := m.said[string(m.scratch)]
	if !known {
		if len(m.said) >= seenMost || m.said == nil {
			m.said = map[string]saying{}
		}
		as := string(m.scratch)
		low := lower(as)
		said = saying{low, errnoOf(low)}
		m.said[as] = said
	}
	return said
}

func (m *memory) write(s string) { m.scratch = append(m.scratch, s...) }

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
		l.form()
		l.hint()
	}
	if l.Errno == 0 && !l.told {
		l.Errno = errnoOf(l.low)
	}
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

var (
	level       = regexp.MustCompile(`^(?:\S+ \S+ )?(?:nginx: )?\[(debug|info|notice|warn|error|crit|alert|emerg)\] `)
	connected   = regexp.MustCompile(`(?:connect\(\) to |dial tcp |dial unix |connect to |connecting to |connection to |econnrefused |etimedout |econnreset |backend |upstream )((?:unix:)?/[\w./@-]+|\[[0-9a-f:]+\]:\d+|[\w.-]+:\d{2,5}|\d+\.\d+\.\d+\.\d+)`)
	resolved    = regexp.MustCompile(`(?:^|\s|")([\w-]+(?:\.[\w-]+)*) could not be resolved|host not found in upstream "([^":]+)|lookup ([\w.-]+)|(?:enotfound|eai_again) ([\w.-]+)|dns lookup failure for: (\S+)|no resolver defined to resolve (\S+)|could not resolve (?:host(?:name)?:? |address )['"]?([\w.-]+)`)
	session     = regexp.MustCompile(` ([\w.-]+~?) ([\w.-]+|<\w+>)(?:/([\w.:-]+|\**<\w+>\**))? +[-\d]+/[-\d+]+/[-+\d/]+ (-?\d+) \+?\d+ (?:\S+ \S+ )?([A-Za-z-]{2}[A-Za-z-]{2}) \d+/`)
	sessionTCP  = regexp.MustCompile(` ([\w.-]+~?) ([\w.-]+|<\w+>)/([\w.:-]+|<\w+>) [-\d]+/[-\d+]+/[-+\d]+ \+?\d+ ([A-Za-z-]{2}) \d+/`)
	access      = regexp.MustCompile(`"([A-Z]{3,10}) (\S+?)(?: HTTP/[\d.]+)?"[ ,|]+(?:status=|status: )?"?(-?\d{1,3})"?(?:\s|$|,)`)
	accessEnd   = regexp.MustCompile(`(?:^|\s)(\d{3}) (\d+|-) "`)
	flagged     = regexp.MustCompile(`" (\d{1,3}) ([A-Z]{2,6}(?:,[A-Z]{2,6})*|-) `)
	envoyStart  = regexp.MustCompile(`^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "`)
	passed      = regexp.MustCompile(`"- - -" 0 ([A-Z]{2,6}(?:,[A-Z]{2,6})*|-) `)
	ingress     = regexp.MustCompile(`\[([\w.:-]*)\] \[[^\]]*\] ([\d.:a-f\[\], -]+?) ([\d, -]+?) ([\d., -]+?) ([\d, -]+?) ([0-9a-f]{16,64})\b`)
	vstatus     = regexp.MustCompile(`(?:upstream_status|ups_status|us|ups|urt_status|upstream)[=:]"?(\d{3}|-)`)
	addressed   = regexp.MustCompile(`(?:upstream_addr|upstream|ups|addr)[=:]"?((?:unix:)?[\w./:-]+:\d+|unix:[\w./-]+)`)
	ofUnit      = regexp.MustCompile(`\b([\w@.\\-]+\.service)\b`)
	ofPID       = regexp.MustCompile(`(?:\bpid[ :=]+|\bchild |killed process |\bprocess )(\d+)`)
	squidLog    = regexp.MustCompile(`^\d+\.\d{3} +\d+ \S+ (\w+)/(\d{3}) \d+ ([A-Z]+) (\S+) `)
	terminated  = regexp.MustCompile(`^[A-Za-z-]{2}(?:[A-Za-z-]{2})?$`)
	apacheCode  = regexp.MustCompile(`\bAH\d{5}: `)
	apacheWords = regexp.MustCompile(`\] \[client |[\])] ?proxy: |\bah\d{5}: |: proxy: `)
	// status, status below it, Windows' own and milliseconds end a line of IIS; ARR's status is WinHTTP's
	// https://learn.microsoft.com/en-us/windows/win32/winhttp/error-messages
	iis = regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) )?(?:\S+ ){0,4}(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) (/\S*) .* (\d{3}) \d{1,3} (\d{1,10}) (?:\d+ \d+ )?\d+$`)
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
	elb  = regexp.MustCompile(`^(?:\w+ )?(\d{4}-\d\d-\d\dT[\d:.]+Z) \S+ (\S+:\d+) (\S+:\d+|-) (-?[\d.]+) (-?[\d.]+) -?[\d.]+ (\d{3}) (\d{3}|-) (?:\d+ )*"([A-Z]+|-) (\S+)`)
	bare = regexp.MustCompile(`\b(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) (/\S*) HTTP/[\d.]+"?[ ,|;]+(?:status[=: ]+)?"?(\d{3})\b`)
	// a status of failure and a method in an order of somebody's own
	loose  = regexp.MustCompile(`(?:^|[\s|;,"])(50[0-8])[\s|;,"].*?\b(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) ["'|]?(/\S*|https?://\S+)|\b(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS)["'|]? ["'|]?(/\S*|https?://\S+).*?[\s|;,"](50[0-8])(?:[\s|;,"]|$)`)
	heroku = regexp.MustCompile(`at=(?:error|info).* code=[HRL]\d\d|\bcode=[HRL]\d\d\b`)
)

// ofNginx reads a whole line of nginx's error log.
func (l *Line) ofNginx(m *memory) bool {
	if !nginxStart(l.Text) && !strings.HasPrefix(l.Text, "nginx: [") {
		return false
	}
	r, err := nginx.ParseLog(l.Text)
	if err != nil {
		return false
	}
	l.Form, l.Gateway, l.Level, l.PID = "nginx-error", "nginx", r.Level, r.PID
	if !r.Time.IsZero() {
		l.Time, l.Zoned = r.Time, false
	}
	l.Client, l.Server, l.Upstream, l.Host = r.Client, r.Server, r.Upstream, r.Host
	l.route(r.Request)
	l.ofUpstream()
	if l.onlyWhatHappened(m); !l.told {
		l.low = lower(l.Text)
	}
	l.more()
	return true
}

// ofApacheModule takes the protocol from the module of Apache's that logs.
func (l *Line) ofApacheModule() {
	if l.Gateway != "apache" || l.Scheme != "" {
		return
	}
	switch {
	case strings.Contains(l.low, "[proxy_fcgi:"):
		l.Scheme = "fastcgi"
	case strings.Contains(l.low, "[proxy_http:"):
		l.Scheme = "http"
	}
}

// form finds what the line is of, and reads it.
func (l *Line) form() {
	s := l.Text
	switch {
	case nginxStart(s) || strings.HasPrefix(s, "nginx: ["):
		if m := level.FindStringSubmatch(l.low); m != nil {
			l.Form, l.Gateway, l.Level = "nginx-error", "nginx", m[1]
		}
	case apacheStart(s) && strings.Contains(s[:min(len(s), 50)], "] ["): // the kernel's lines have the same time, and no level
		if r, err := apache.ParseLog(s); err == nil {
			l.Form, l.Gateway, l.Level, l.PID, l.Client, l.Errno = "apache-error", "apache", r.Level, r.PID, r.Client, linux(r.Errno)
			l.Time, l.Zoned = r.Time, false
			l.Address = strings.TrimPrefix(r.Upstream, "unix:")
			l.ofApacheModule()
			l.more()
			return
		}
		l.Form, l.Gateway = "apache-error", "apache"
	case strings.HasPrefix(l.low, "["):
		if m := level.FindStringSubmatch(l.low); m != nil {
			l.Form, l.Gateway, l.Level = "nginx-error", "nginx", m[1]
			if apacheWords.MatchString(l.low) { // both write the level so
				l.Form, l.Gateway = "apache-error", "apache"
			}
		}
	}
	if l.Form == "" || l.Form == "json" {
		l.others(s)
	}
	if l.Form == "" && strings.Contains(l.low, " while ") && strings.Contains(l.low, "upstream") {
		l.Form, l.Gateway = "nginx-error", "nginx" // without its beginning
	}
	if l.Form == "" && apacheCode.MatchString(s) {
		l.Form, l.Gateway = "apache-error", "apache" // without its beginning
	}
	l.ofApacheModule()
	if l.Form == "" || l.Form == "json" {
		l.also = "text"
		if quotedPage.MatchString(l.low) {
			l.also = "page"
		}
	}
	if l.Time.IsZero() && l.Form != "nginx-error" {
		if m := bracketed.FindStringSubmatch(l.Text); m != nil {
			l.setTime(m[1])
		}
	}
	l.context()
	l.ofUpstream()
	l.more()
}

// quotedPage is the markup of an error page that a program logged of an answer that it got.
var quotedPage = regexp.MustCompile(`<title>\s*[45]\d\d|<h[12]>(?:error )?[45]\d\d|<hr><center>`)

// onlyWhatHappened leaves in low what nginx says of itself: a request or a name that a visitor chose is no evidence.
func (l *Line) onlyWhatHappened(m *memory) {
	end := strings.Index(l.Text, ", client: ")
	if end < 0 || l.Client == "" {
		return
	}
	begin := strings.IndexByte(l.Text, '[')
	if begin < 0 || begin > end {
		return
	}
	head := l.Text[begin:end]
	level, rest, _ := strings.Cut(head, "] ")
	if i := strings.Index(rest, ": "); i > 0 && rest[0] >= '0' && rest[0] <= '9' { // without "12#12: *3 "
		if rest = rest[i+2:]; strings.HasPrefix(rest, "*") {
			rest = rest[strings.IndexByte(rest, ' ')+1:]
		}
	}
	m.scratch = m.scratch[:0]
	m.write(level)
	m.write("] ")
	m.write(rest)
	m.write(", client: ")
	if l.Upstream != "" {
		m.write(`, upstream: "`)
		m.write(l.Scheme)
		if m.write("://"); l.Socket() {
			m.write("unix:/")
		}
	}
	said := m.recall()
	l.low, l.Errno, l.told = said.low, said.errno, true
}

// others reads the forms that begin in no way of their own.
func (l *Line) others(s string) {
	if r, err := haproxy.ParseLog(s); err == nil && r.Code != "" {
		l.Form, l.Gateway, l.Client, l.Flags = "haproxy", "haproxy", r.Client, r.Code
		l.Time = r.Time
	}
	if m := session.FindStringSubmatch(s); m != nil {
		l.Form, l.Gateway, l.Server, l.Flags = "haproxy", "haproxy", m[1], m[5]
		l.Status, _ = strconv.Atoi(m[4])
		l.Address = strings.TrimSuffix(m[2]+"/"+m[3], "/")
		if a := access.FindStringSubmatch(s + " 0"); a != nil {
			l.Route = a[1] + " " + path(a[2])
		}
		return
	}
	if m := sessionTCP.FindStringSubmatch(s); m != nil {
		l.Form, l.Gateway, l.Server, l.Flags, l.Address = "haproxy-tcp", "haproxy", m[1], m[4], m[2]+"/"+m[3]
		return
	}
	if m := squidLog.FindStringSubmatch(s); m != nil {
		l.Form, l.Gateway, l.Flags, l.Route = "squid", "squid", m[1], m[3]+" "+path(m[4])
		l.Status, _ = strconv.Atoi(m[2])
		return
	}
	if m := elb.FindStringSubmatch(s); m != nil {
		l.ofELB(m)
		return
	}
	if m := iis.FindStringSubmatch(s); m != nil {
		l.Form, l.Gateway, l.Route = "access-iis", "iis", m[2]+" "+path(m[3])
		l.Status, _ = strconv.Atoi(m[4])
		l.low += " hint:win32-" + m[5]
		l.setTime(m[1])
		return
	}
	if strings.Contains(s, "code=") && heroku.MatchString(s) {
		l.Form = "heroku"
		return
	}
	m := access.FindStringSubmatch(s)
	if m == nil {
		m = bare.FindStringSubmatch(s)
	}
	if m == nil && l.Form == "" && strings.Contains(s, " 50") {
		if o := loose.FindStringSubmatch(s); o != nil {
			m = []string{o[0], o[2] + o[4], o[3] + o[5], o[1] + o[6]}
		}
	}
	if m != nil {
		if l.Form == "" {
			l.Form = "access"
		}
		l.Route = m[1] + " " + path(m[2])
		l.Status, _ = strconv.Atoi(m[3])
		if f := flagged.FindStringSubmatch(s); f != nil && strings.Contains(s, `" "`) && (f[2] != "-" || envoyStart.MatchString(s)) {
			l.Form, l.Gateway, l.Flags = "envoy", "envoy", f[2]
		}
		if i := ingress.FindStringSubmatch(s); i != nil {
			l.Gateway, l.Asked, l.Request, l.Server = "nginx", strings.TrimSpace(i[5]), i[6], i[1]
			l.Asked = l.Asked[strings.LastIndexByte(l.Asked, ' ')+1:] // of several that were tried, the last one's answer is what the visitor got
			if last := strings.TrimSpace(i[2]); !strings.HasSuffix(last, "-") {
				l.Address = last[strings.LastIndexByte(last, ' ')+1:]
			}
		} else if u := vstatus.FindStringSubmatch(l.low); u != nil {
			l.Asked = u[1]
		}
		if a := addressed.FindStringSubmatch(l.low); a != nil && l.Address == "" {
			l.Address = a[1]
		}
		if t := strings.IndexByte(s, '['); t >= 0 && l.Time.IsZero() {
			if e := strings.IndexByte(s[t:], ']'); e > 0 {
				l.setTime(s[t+1 : t+e])
			}
		}
		if c, _, ok := strings.Cut(s, " "); ok && strings.ContainsAny(c, ".:") && len(c) < 46 {
			l.Client = c
		}
	}
	if m := passed.FindStringSubmatch(s); m != nil {
		l.Form, l.Gateway, l.Flags = "envoy-tcp", "envoy", m[1]
	}
	if l.JSON != nil {
		l.fromJSON()
	}
}

// ofELB reads a line of a load balancer of AWS: the seconds until the target took the request and until it answered are -1 where it did not.
func (l *Line) ofELB(m []string) {
	l.setTime(m[1])
	l.Form, l.Gateway, l.Client, l.Asked, l.Route = "access-elb", "elb", m[2], m[7], m[8]+" "+path(m[9])
	l.Status, _ = strconv.Atoi(m[6])
	sent, answered := m[4], m[5]
	if m[3] != "-" {
		l.Address = m[3]
	}
	switch {
	case m[3] == "-":
		l.low += " hint:elb-no-target"
	case m[7] != "-":
		l.low += " hint:elb-target-said"
	case strings.HasPrefix(sent, "-"):
		l.low += " hint:elb-not-connected"
	case strings.HasPrefix(answered, "-") || m[6] == "504":
		l.low += " hint:elb-waited"
	}
}

// fromJSON reads an access log of JSON objects.
func (l *Line) fromJSON() {
	get := func(keys ...string) string {
		for _, k := range keys {
			v := l.JSON
			parts := strings.Split(k, ".")
			for _, p := range parts[:len(parts)-1] {
				v, _ = v[p].(map[string]any)
			}
			switch x := v[parts[len(parts)-1]].(type) {
			case string:
				if x != "" {
					return x
				}
			case json.Number:
				return x.String()
			}
		}
		return ""
	}
	status := get("status", "status_code", "response_code", "DownstreamStatus", "statusCode", "response.status", "http_status", "http_status_code", "EdgeResponseStatus", "code", "request.status", "httpRequest.status", "httpStatus", "properties.httpStatus")
	if status == "" { // by a name of somebody's own
		status = l.ending("statuscode", "httpstatus", "responsecode", "responsestatus")
	}
	if status == "" { // within another object
		for _, k := range slices.Sorted(maps.Keys(l.JSON)) {
			if _, within := l.JSON[k].(map[string]any); within && status == "" {
				status = get(k + ".status")
			}
		}
	}
	if n, err := strconv.Atoi(status); err == nil && n >= 100 && n < 1000 {
		l.Status = n
		if l.Form == "json" {
			l.Form = "access-json"
		}
	}
	if f := get("response_flags", "responseFlags"); f != "" {
		l.Form, l.Gateway, l.Flags = "envoy", "envoy", f
		if status == "0" {
			l.Form = "envoy-tcp"
		}
	}
	if f := cmp.Or(get("termination_state", "termination", "term_state", "tsc"), l.ending("terminationstate")); terminated.MatchString(f) {
		l.Form, l.Gateway, l.Flags = "haproxy", "haproxy", f
	}
	if get("OriginStatus") != "" || get("DownstreamStatus") != "" {
		l.Form, l.Gateway = "traefik", "traefik"
	}
	if s := get("logger"); strings.HasPrefix(s, "http.") {
		l.Gateway, l.Form = "caddy", "caddy"
	}
	l.Asked = get("upstream_status", "OriginStatus", "upstream_response_status", "upstream-status")
	if a := get("upstream_addr", "upstream_host", "upstream", "ServiceAddr", "upstreamAddr"); a != "" {
		l.Address = strings.TrimPrefix(a, "http://")
	}
	if p := get("path", "uri", "request_uri", "RequestPath", "url", "request.uri"); p != "" {
		l.Route = strings.TrimSpace(get("method", "request_method", "RequestMethod", "request.method") + " " + path(p))
	} else if r := get("request"); r != "" {
		l.route(r)
	}
	if l.Level == "" {
		l.Level = strings.ToLower(get("level", "severity", "priority"))
	}
}

// ending is the value of the JSON object's own key that ends in one of these, in lower case and without what joins words; empty for none.
func (l *Line) ending(names ...string) string {
	for _, k := range slices.Sorted(maps.Keys(l.JSON)) {
		short := joining.Replace(lower(k))
		if strings.Contains(short, "upstream") || strings.Contains(short, "origin") || strings.Contains(short, "server") {
			continue
		}
		for _, name := range names {
			if strings.HasSuffix(short, name) {
				if v := fmt.Sprint(l.JSON[k]); len(v) <= 4 {
					return v
				}
			}
		}
	}
	return ""
}

var joining = strings.NewReplacer("_", "", "-", "", ".", "", "$", "")

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

// InZone takes a time without a zone for one of the zone of now, and one without a year for the last such before now. A time
// that names its zone stays the same moment.
func (l *Line) InZone(now time.Time) {
	switch t := l.Time; {
	case t.IsZero():
	case l.Zoned:
		l.Time = t.In(now.Location())
	default:
		if l.NoYear {
			l.Time = lastBefore(t, now)
		} else {
			l.Time = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
		}
		l.Zoned, l.NoYear = true, false
	}
}

// lastBefore is the last time before now, or within a day after it, as clocks differ, that has the date and the hour of t, in now's zone.
func lastBefore(t, now time.Time) time.Time {
	at := time.Date(now.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
	if at.After(now.AddDate(0, 0, 1)) {
		return at.AddDate(-1, 0, 0)
	}
	return at
}
