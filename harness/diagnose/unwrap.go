package diagnose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	colour = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\x1b\\][^\x07]*\x07|\\^\\[\\[[0-9;]*m|\\\\u001b\\[[0-9;]*m|\\\\x1b\\[[0-9;]*m")
	// what stands before a line where it is passed on by others
	compose = regexp.MustCompile(`^([A-Za-z0-9][\w.-]*?)\s*\|\s`)
	kubectl = regexp.MustCompile(`^\[(?:pod/)?([\w.-]+)/([\w.-]+)\] `)
	stamped = regexp.MustCompile(`^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\s+`)
	cri     = regexp.MustCompile(`^(?:stdout|stderr) [FP] `)
	syslog  = regexp.MustCompile(`^(?:<(\d{1,3})>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) ([\w.:-]+) ([\w./@()-]+?)(?:\[(\d+)\])?: ?`)
	iso     = regexp.MustCompile(`^(?:<\d{1,3}>1? ?)?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?) ([\w.-]+) ([\w./@-]+)(?:\[(\d+)\]:| (\d+|-) \S+ (?:-|\[.*?\])) ?`)
	grepped = regexp.MustCompile(`^((?:\.{0,2}/)?[\w.@-]*/?[\w./@-]+\.(?:log|err|out|txt)(?:[.-]\d+)?(?:\.gz)?):(?:\d+[:-])?`)
	quoted  = regexp.MustCompile(`^(?:>+ |[-*•] +|\d+\. |\$ |# )+`)
	escaped = regexp.MustCompile(`&(?:quot|gt|lt|amp|apos|#39|#x27|#34|nbsp|#\d+);`)
	member  = regexp.MustCompile(`^"(?:log|message|msg|MESSAGE|textPayload|@message)"\s*:\s*"`)
	fields  = regexp.MustCompile(`^"(?:[^"\\]*[^"\\ =:(,]"[ ,]|[\w.-]+" ?: ?")`) // a line that begins with one of several quoted fields
	inside  = regexp.MustCompile(`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(?:debug|info|notice|warn|error|crit|alert|emerg)\] \d+#\d+: `)
	// words that were set in bold in a thread
	stressed = regexp.MustCompile(`\*\*([A-Za-z<_][^*]*)\*\*`)
	escapes  = regexp.MustCompile(`\\u([0-9a-fA-F]{4})`)
)

// straight makes the quotes straight that a word processor bent.
var straight = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`)

// unwrap takes off what a line was wrapped in on its way to whoever pastes it: quotes, colours, the names and times that Docker,
// Compose, kubectl, syslog and journald put before it, JSON and HTML. What these say of it is kept in l.
func unwrap(l *Line) {
	s := l.Text
	if strings.IndexByte(s, 0x1b) >= 0 || strings.Contains(s, "^[[") || strings.Contains(s, "u001b[") || strings.Contains(s, `\x1b[`) {
		s = colour.ReplaceAllString(s, "")
	}
	if strings.Contains(s, "“") {
		s = straight.Replace(s)
	}
	if strings.Contains(s, "**") {
		s = stressed.ReplaceAllString(s, "$1")
	}
	for range 8 {
		before := s
		s = strings.TrimSpace(strings.TrimPrefix(s, "\ufeff"))
		if m := member.FindString(s); m != "" { // of a JSON object that was printed over lines
			s = strings.TrimSuffix(strings.TrimSuffix(s[len(m):], ","), `"`)
			if strings.HasPrefix(s, `{\"`) {
				s = strings.ReplaceAll(s, `\"`, `"`)
			}
		}
		s = l.unquote(s)
		if nginxStart(s) || apacheStart(s) {
			break
		}
		s = l.cutPrefix(s)
		if strings.HasPrefix(s, "{") {
			s = l.openJSON(s)
		}
		if s == before {
			break
		}
	}
	if strings.IndexByte(s, '&') >= 0 && escaped.MatchString(s) && (strings.Contains(s, "&quot;") || strings.Contains(s, "&gt;") || strings.Contains(s, "&#")) {
		s = html.UnescapeString(s)
	}
	if strings.Contains(s, `\"`) || strings.Contains(s, `\/`) || strings.Contains(s, `\u00`) {
		s = strings.NewReplacer(`\"`, `"`, `\/`, `/`, `\t`, " ").Replace(s)
		s = escapes.ReplaceAllStringFunc(s, func(e string) string {
			n, _ := strconv.ParseUint(e[2:], 16, 32)
			if n < 0x20 {
				return " "
			}
			return string(rune(n))
		})
	}
	if l.JSON == nil && strings.IndexByte(s, '#') > 0 && !nginxStart(s) { // nginx's own line behind somebody's beginning
		if at := inside.FindStringIndex(s); at != nil && at[0] < 200 {
			s = s[at[0]:]
		}
	}
	if l.JSON == nil && strings.HasSuffix(s, "}") { // an object behind somebody's own beginning
		if i := strings.Index(s, ` {"`); i > 0 && i < 300 {
			l.openJSON(s[i+1:])
		}
	}
	l.Text = s
}

// unquote takes off the quotes around a whole line, and the marks of a quotation.
func (l *Line) unquote(s string) string {
	s = strings.TrimSuffix(s, ",")
	for _, q := range [...]string{"```", "`", `"`, "'", "“", "«"} {
		end := map[string]string{"“": "”", "«": "»"}[q]
		if end == "" {
			end = q
		}
		if len(s) > 2*len(q) && strings.HasPrefix(s, q) && strings.HasSuffix(s, end) && (q != `"` || strings.Count(s, `"`)%2 == 0 && !fields.MatchString(s)) {
			return strings.TrimSpace(s[len(q) : len(s)-len(end)])
		}
	}
	if m := quoted.FindString(s); m != "" && len(m) < len(s) {
		return s[len(m):]
	}
	return s
}

func (l *Line) cutPrefix(s string) string {
	if s == "" {
		return s
	}
	if m := grepped.FindStringSubmatch(s); m != nil && len(m[0]) < len(s) {
		return s[len(m[0]):]
	}
	if m := compose.FindStringSubmatch(s); m != nil {
		l.Program = m[1]
		return s[len(m[0]):]
	}
	if m := kubectl.FindStringSubmatch(s); m != nil {
		l.Pod, l.Program = m[1], m[2]
		return s[len(m[0]):]
	}
	if m := syslog.FindStringSubmatch(s); m != nil {
		l.Program = m[4]
		l.PID, _ = strconv.Atoi(m[5])
		if at, err := time.Parse("Jan _2 15:04:05", m[2]); err == nil && l.Time.IsZero() {
			l.Time, l.NoYear = at, true
		}
		return s[len(m[0]):]
	}
	if m := iso.FindStringSubmatch(s); m != nil && m[3] != "" && !strings.HasPrefix(m[2], "[") {
		l.Program = m[3]
		l.PID, _ = strconv.Atoi(m[4] + m[5])
		l.setTime(m[1])
		return s[len(m[0]):]
	}
	if m := stamped.FindStringSubmatch(s); m != nil {
		l.setTime(m[1])
		rest := s[len(m[0]):]
		if c := cri.FindString(rest); c != "" {
			return rest[len(c):]
		}
		// the program's own time is left to its reader: only another line behind it is unwrapped
		if nginxStart(rest) || apacheStart(rest) || strings.HasPrefix(rest, "{") || stamped.MatchString(rest) || strings.HasPrefix(m[1][10:], "T") {
			return rest
		}
	}
	return s
}

// names are the keys of a JSON log that hold the message, the best first.
var names = []string{"log", "MESSAGE", "message", "msg", "textPayload", "@message", "event", "text"}

// openJSON is the line within a JSON object of one line, with what else it says behind it.
func (l *Line) openJSON(s string) string {
	if len(s) > 256<<10 {
		return s
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil || len(m) == 0 {
		return s
	}
	if l.Form == "" {
		l.Form = "json"
	}
	l.JSON = m
	str := func(keys ...string) string {
		for _, k := range keys {
			switch v := m[k].(type) {
			case string:
				if v != "" {
					return v
				}
			case json.Number:
				return v.String()
			case []any: // journald has binary messages as bytes
				var b bytes.Buffer
				for _, e := range v {
					if n, ok := e.(json.Number); ok {
						i, _ := n.Int64()
						b.WriteByte(byte(i))
					}
				}
				if b.Len() > 0 {
					return b.String()
				}
			}
		}
		return ""
	}
	if l.Time.IsZero() {
		l.setTime(str("time", "@timestamp", "timestamp", "ts", "time_iso8601", "time_local", "start_time", "StartUTC", "StartLocal"))
	}
	if us := str("__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP"); us != "" {
		if n, err := strconv.ParseInt(us, 10, 64); err == nil {
			l.Time, l.Zoned = time.UnixMicro(n).UTC(), true
		}
	}
	if v := str("_SYSTEMD_UNIT", "UNIT"); v != "" {
		l.Unit = v
	}
	if v := str("SYSLOG_IDENTIFIER", "_COMM"); v != "" {
		l.Program = v
	}
	if v := str("_PID"); v != "" {
		l.PID, _ = strconv.Atoi(v)
	}
	if v := str("request_id", "requestId", "x_request_id", "req_id", "trace_id", "RequestId"); v != "" {
		l.Request = v
	}
	for _, name := range names {
		inner := strings.TrimSpace(str(name))
		if inner == "" {
			continue
		}
		if name == "log" || name == "MESSAGE" || name == "textPayload" || name == "@message" {
			return inner
		}
		if strings.HasPrefix(inner, "{") && strings.HasSuffix(inner, "}") {
			return inner
		}
		return inner + flat(m, name)
	}
	return strings.TrimPrefix(flat(m, ""), " ")
}

// flat is a JSON object as key=value, ordered, for patterns to be found in.
func flat(m map[string]any, without string) string {
	var b strings.Builder
	var walk func(prefix string, v any, depth int)
	walk = func(prefix string, v any, depth int) {
		switch v := v.(type) {
		case map[string]any:
			if depth > 4 {
				return
			}
			for _, k := range slices.Sorted(maps.Keys(v)) {
				if depth == 0 && k == without {
					continue
				}
				key := k
				if prefix != "" {
					key = prefix + "." + k
				}
				walk(key, v[k], depth+1)
			}
		case []any:
			for _, e := range v {
				walk(prefix, e, depth+1)
			}
		case nil:
		default:
			fmt.Fprintf(&b, " %s=%v", prefix, v)
		}
	}
	walk("", m, 0)
	return b.String()
}

// layouts are how times are written.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "02/Jan/2006:15:04:05 -0700", "02/Jan/2006:15:04:05.000",
	"2006/01/02 15:04:05.000", "2006/01/02 15:04:05", "02-Jan-2006 15:04:05", "02-Jan-2006 15:04:05 MST", "Mon Jan _2 15:04:05 2006",
	"Mon Jan _2 15:04:05.000000 2006", "02-Jan-2006 15:04:05.000", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05.000 MST", "060102 15:04:05", "02 Jan 2006 15:04:05.000",
}

// bracketed is a time in brackets at the beginning, as PHP-FPM, Gunicorn and dmesg -T write it.
var bracketed = regexp.MustCompile(`^(?:\d+:[A-Z] )?\[?((?:\w{3} )?\w{2,4}[ -][\w ]{2,3}[ -]\w{2,4} \d\d:\d\d:\d\d(?:\.\d+)?(?: \d{4}| [+-]\d{4}| [A-Z]{3,4})?|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?(?: [+-]\d{4}| [A-Z]{3,4})?)\]?`)

func (l *Line) setTime(s string) {
	if s == "" || len(s) > 40 {
		return
	}
	s = strings.Replace(s, ",", ".", 1)
	for _, layout := range layouts {
		if at, err := time.Parse(layout, s); err == nil {
			l.Time = at.UTC()
			l.Zoned = strings.HasSuffix(s, "Z") || strings.Contains(layout, "Z07") || strings.Contains(layout, "-0700") || strings.Contains(layout, "Z0700")
			return
		}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f > 1e9 && f < 5e9 { // seconds since 1970, as Caddy writes them
		l.Time, l.Zoned = time.UnixMicro(int64(f*1e6)).UTC(), true
	}
}

// nginxStart reports whether s begins as a line of nginx's error log does, without its time too.
func nginxStart(s string) bool {
	return len(s) > 20 && s[4] == '/' && s[7] == '/' && s[10] == ' ' && s[13] == ':' && s[0] >= '0' && s[0] <= '9'
}

// apacheStart reports whether s begins as a line of Apache's error log does.
func apacheStart(s string) bool {
	return len(s) > 30 && s[0] == '[' && s[4] == ' ' && s[8] == ' ' && s[14] == ':'
}
