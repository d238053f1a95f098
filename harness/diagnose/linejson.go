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
)

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
	if f := get("response_flags", "responseFlags", "response_flag"); f != "" {
		l.Form, l.Gateway, l.Flags = "envoy", "envoy", f
		switch method := get("method"); {
		case status != "0":
		case method == "" || method == "-" || method == "null":
			l.Form = "envoy-tcp"
		case f == "-":
			l.low += " hint:unanswered"
		}
	}
	if f := cmp.Or(get("termination_state", "termination", "term_state", "tsc"), l.ending("terminationstate")); terminated.MatchString(f) {
		l.Form, l.Gateway, l.Flags = "haproxy", "haproxy", f
	}
	if get("OriginStatus") != "" || get("DownstreamStatus") != "" {
		l.Form, l.Gateway = "traefik", "traefik"
		if status == "0" && get("OriginStatus") == "0" {
			l.low += " hint:no-status"
		}
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

// pair is a field of a log of key=value, or of a JSON object that was cut off or lacks its braces.
var pair = regexp.MustCompile(`(?:^|[\s,;|{])(?:([A-Za-z_][\w.-]*)=|"([\w.-]+)" ?: ?)("(?:[^"\\]|\\.)*|\[[^\]]*|[^\s,;|}"]+)`)

// pairs reads such a log as if it were one of JSON objects, where it says how something ended.
func (l *Line) pairs(s string) bool {
	if !strings.Contains(l.low, "status") && !strings.Contains(l.low, "termination") && !strings.Contains(l.low, "response_") {
		return false
	}
	all := pair.FindAllStringSubmatch(s, 60)
	if len(all) < 3 {
		return false
	}
	if l.JSON == nil {
		l.JSON = map[string]any{}
	}
	for _, m := range all {
		if key := m[1] + m[2]; l.JSON[key] == nil {
			l.JSON[key] = strings.Trim(m[3], `"[`)
		}
	}
	l.Form = "json"
	return true
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
