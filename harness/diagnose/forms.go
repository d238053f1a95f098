package diagnose

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway/apache"
	"github.com/badgateway/badgateway/harness/gateway/haproxy"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
)

var (
	level       = regexp.MustCompile(`^(?:\S+ \S+ )?(?:nginx: )?\[(debug|info|notice|warn|error|crit|alert|emerg)\] `)
	connected   = regexp.MustCompile(`(?:connect\(\) to |dial tcp |dial unix |connect to |connecting to |connection to |\.c\.\d+\) connect\(\) |socket: |econnrefused |etimedout |econnreset |backend |upstream )((?:unix:)?/[\w./@-]+|\[[0-9a-f:]+\]:\d+|[\w.-]+:\d{2,5}|\d+\.\d+\.\d+\.\d+)`)
	checked     = regexp.MustCompile(`\bserver ([\w.-]+/[\w.-]+) (?:is|failed)|worker for \(([\w.:-]+)\)|\bpeer: ([\w.-]+:\d+|\[[0-9a-f:]+\]:\d+)`)
	resolved    = regexp.MustCompile(`(?:^|\s|")([\w-]+(?:\.[\w-]+)*) could not be resolved|host not found in upstream "([^":]+)|lookup ([\w.-]+)(?: on \S+)?:|\["\(short\)([\w.-]+)|(?:enotfound|eai_again) ([\w.-]+)|dns lookup failure for: ([\w.-]+)|no resolver defined to resolve (\S+)|could not resolve (?:host(?:name)?:? |address )['"]?([\w.-]+)`)
	session     = regexp.MustCompile(`(?:^| )(?:([\w.-]+~?) )?([\w.-]+|<\w+>)(?:/([\w.:-]+|\**<\w+>\**))? +[-\d]+/[-\d+]+/[-+\d/]+ (-?\d+) \+?\d+ (?:\S+ \S+ )?([A-Za-z-]{2}[A-Za-z-]{2}) \d+/`)
	sessionEnd  = regexp.MustCompile(`(?:^| )-?\d+/ *-?\d+/-?\d+/-?\d+/\+?-?\d+ (-?\d+) \+?\d+ \S+ \S+ ([A-Za-z-]{4}) \d+/\d+/`) // without the names before it
	sessionTCP  = regexp.MustCompile(` ([\w.-]+~?) ([\w.-]+|<\w+>)/([\w.:-]+|<\w+>) [-\d]+/[-\d+]+/[-+\d]+ \+?\d+ ([A-Za-z-]{2}) \d+/`)
	sessionCLF  = regexp.MustCompile(`" (\d{3}|-1) \d+ "" "" \d+ \d+ "([\w.-]+~?)" "([\w.-]+|<\w+>)" "([\w.:-]+|<\w+>)" (?:[-+]?\d+ ){5}([A-Za-z-]{4}) \d+ `)
	access      = regexp.MustCompile(`"([A-Z]{3,10}) (\S+?)(?: HTTP/[\d.]+)?"[ ,|]+(?:[a-z][\w.-]*(?::\d+)? )?(?:status=|status: )?"?(-?\d{1,3})"?(?:\s|$|,)`)
	accessEnd   = regexp.MustCompile(`(?:^|\s)(\d{3}) (\d+|-) "`)
	flagged     = regexp.MustCompile(`" (\d{1,3}) ([A-Z]{2,6}(?:,[A-Z]{2,6})*|-) `)
	envoyStart  = regexp.MustCompile(`^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "`)
	unanswered  = regexp.MustCompile(`HTTP/[\d.]+" 0 - \d+ \d+ \d+ (?:\d+|-) "`) // of Envoy: no answer had begun
	ownAnswer   = regexp.MustCompile(`" (?:500 21|502 11|503 19|504 15) "`)      // of Traefik: the body is as long as the status in words
	traefikCLF  = regexp.MustCompile(`" \d+ "([^"]*)" "(?:https?://([^/"]+)[^"]*|-)" \d+ms$`)
	passed      = regexp.MustCompile(`"- - -" 0 ([A-Z]{2,6}(?:,[A-Z]{2,6})*|-) `)
	ingress     = regexp.MustCompile(`\[([\w.:-]*)\] \[[^\]]*\] ([\d.:a-f\[\], -]+?) ([\d, -]+?) ([\d., -]+?) ([\d, -]+?) ([0-9a-f]{16,64})\b`)
	vstatus     = regexp.MustCompile(`(?:upstream_status|ups_status|us|ups|urt_status|upstream)[=:]"?(\d{3}|-)`)
	addressed   = regexp.MustCompile(`(?:upstream_addr|upstream|ups|ua|addr)[=:]"?((?:unix:)?[\w./:-]+:\d+|unix:[\w./-]+)`)
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
	loose = regexp.MustCompile(`(?:^|[\s|;,"])(50[0-8])[\s|;,"].*?\b(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) ["'|]?(/\S*|https?://\S+)|\b(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS)["'|]? ["'|]?(/\S*|https?://\S+).*?[\s|;,"](50[0-8])(?:[\s|;,"]|$)`)
	// the name of Apache's worker, as AH00957 and AH01114 have it; those at a socket share one
	workerOf = regexp.MustCompile(`attempt to connect to \S+ \(([\w.-]+)(?::\d+)?\) failed|failed to make connection to backend: ([\w.-]+)`)
	heroku   = regexp.MustCompile(`at=(?:error|info).* code=[HRL]\d\d|\bcode=[HRL]\d\d\b`)
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

// ofApacheModule takes the protocol from the module of Apache's that logs, or from what it says of its call, and the name of the worker.
func (l *Line) ofApacheModule() {
	if l.Gateway != "apache" {
		return
	}
	if m := workerOf.FindStringSubmatch(l.low); m != nil && m[1]+m[2] != "httpd-uds" {
		l.Worker = m[1] + m[2]
	}
	if l.Scheme != "" {
		return
	}
	switch {
	case strings.Contains(l.low, "[proxy_fcgi:"), strings.Contains(l.low, "fcgi: attempt to connect"):
		l.Scheme = "fastcgi"
	case strings.Contains(l.low, "[proxy_http:"), strings.Contains(l.low, " http: attempt to connect"), strings.Contains(l.low, " https: attempt to connect"):
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
	if m := sessionEnd.FindStringSubmatch(s); m != nil {
		l.Form, l.Gateway, l.Flags = "haproxy", "haproxy", m[2]
		l.Status, _ = strconv.Atoi(m[1])
		if a := access.FindStringSubmatch(s + " 0"); a != nil {
			l.Route = a[1] + " " + path(a[2])
		}
		return
	}
	if strings.Contains(s, `"" ""`) {
		if m := sessionCLF.FindStringSubmatch(s); m != nil { // option httplog clf
			l.Form, l.Gateway, l.Server, l.Flags, l.Address = "haproxy", "haproxy", m[2], m[5], m[3]+"/"+m[4]
			l.Status, _ = strconv.Atoi(m[1])
			if a := access.FindStringSubmatch(s); a != nil {
				l.Route = a[1] + " " + path(a[2])
			}
			return
		}
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
		if f := flagged.FindStringSubmatch(s); f != nil && strings.Contains(s, `" "`) && (f[2] != "-" || envoyStart.MatchString(s) || unanswered.MatchString(s)) {
			l.Form, l.Gateway, l.Flags = "envoy", "envoy", f[2]
			if unanswered.MatchString(s) {
				l.low += " hint:unanswered"
			}
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
		if strings.HasSuffix(s, "ms") {
			if t := traefikCLF.FindStringSubmatch(s); t != nil {
				l.Gateway, l.Address = "traefik", t[2]
				switch {
				case l.Status == 0:
					l.low += " hint:no-status"
				case l.Status == 404 && t[1] == "-":
					l.low += " hint:no-router"
				case ownAnswer.MatchString(s):
					l.low += " hint:own-answer"
				}
			}
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
	if (l.Form == "" || l.Form == "json") && l.Status == 0 && l.pairs(s) {
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
	case m[6] == "502": // it was sent, and what came was an end and no answer
		l.low += " hint:elb-closed"
	}
}
