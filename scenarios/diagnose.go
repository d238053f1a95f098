package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/scenarios/knowledge"
)

// Book is all that is known of failures: what package knowledge has, with the scenarios of the catalogue that show each cause. Which
// these are is found by diagnosing what the catalogue itself expects in the logs, so a scenario that is added needs no entry.
var Book = sync.OnceValue(func() *diagnose.Book {
	causes := knowledge.Causes()
	plain, err := diagnose.NewBook(causes)
	if err != nil {
		panic(fmt.Sprintf("the causes that come with this program can't be read: %v", err))
	}
	index := map[string]int{}
	for i, c := range causes {
		index[c.Slug] = i
	}
	for _, s := range All() {
		for i, slug := range Diagnosed(plain, s) {
			c := &causes[index[slug]]
			shown := diagnose.Shown{ID: s.ID, Gateway: s.Gateway.Driver.Name, Scheme: schemeOf(s), Socket: strings.Contains(s.Gateway.Config, "unix:")}
			if i == 0 {
				shown.Status = s.Expect.Status
			}
			c.Shown = append(c.Shown, shown)
		}
	}
	book, err := diagnose.NewBook(causes)
	if err != nil {
		panic(err)
	}
	return book
})

// Diagnosed are the slugs with which a scenario's evidence is diagnosed: each line of the logs that it expects, and the page.
func Diagnosed(b *diagnose.Book, s scenario.Scenario) []string {
	var slugs []string
	for _, text := range append(Evidence(s), fragments(s)...) {
		for i, c := range b.Candidates(diagnose.ReadLine(text)) {
			if i < 2 && !slices.Contains(slugs, c.Cause.Slug) && (i == 0 || c.Sure >= 50) {
				slugs = append(slugs, c.Cause.Slug)
			}
		}
	}
	return slugs
}

// Evidence is what a scenario's logs hold, in the forms in which the programs write it: the gateway's lines, and, where there
// are none, a line of its access log.
func Evidence(s scenario.Scenario) []string {
	var all []string
	for _, l := range s.Expect.Log {
		all = append(all, rendered(s, l))
	}
	if len(s.Expect.Log) == 0 {
		switch {
		case s.Expect.NoAnswer == "left" && s.Gateway.Driver.Name == "nginx":
			all = append(all, accessLine(499))
		case s.Expect.Status > 0:
			all = append(all, accessLine(s.Expect.Status))
		}
	}
	return all
}

// Blamed are the lines of an exchange that are diagnosed as a failure, each with the cause that is named first. Of a healthy one there are none.
func Blamed(e lab.Exchange) (all []string) {
	lines := slices.Clone(e.UpstreamLog)
	for _, l := range e.Log {
		lines = append(lines, l.Raw)
	}
	if e.Access != "" {
		lines = append(lines, e.Access)
	}
	for _, text := range lines {
		if found := Book().Candidates(diagnose.ReadLine(text)); len(found) > 0 && !found[0].Cause.Healthy() {
			all = append(all, found[0].Cause.Slug+": "+text)
		}
	}
	return all
}

// fragments are what the upstreams' own logs have to hold: parts of lines.
func fragments(s scenario.Scenario) (all []string) {
	for _, v := range s.Variants {
		if v.UpstreamLog != "" && !slices.Contains(all, v.UpstreamLog) {
			all = append(all, v.UpstreamLog)
		}
	}
	return all
}

// ofSide reports whether a scenario's evidence is diagnosed with a cause of a side. It is set at the start, as the catalogue, whose claims pick
// scenarios by patterns, is what the book is made from.
var ofSide func(s scenario.Scenario, side string) bool

func init() {
	ofSide = func(s scenario.Scenario, side string) bool {
		return slices.ContainsFunc(Diagnosed(Book(), s), func(slug string) bool { return string(Book().Cause(slug).Side) == side })
	}
}

func accessLine(status int) string {
	return fmt.Sprintf(`10.0.0.7 - - [02/Jan/2026:15:04:05 +0000] "GET / HTTP/1.1" %d 157 "-" "curl/8.5.0"`, status)
}

var retries = regexp.MustCompile(`^(\S+) (\d+)(?:, (\d+) retr\w+)?$`)

// rendered is a line as the gateway writes it.
func rendered(s scenario.Scenario, l scenario.LogLine) string {
	scheme := schemeOf(s)
	switch s.Gateway.Driver.Name {
	case "nginx":
		text := fmt.Sprintf("2026/01/02 15:04:05 [%s] 12#12: *3 %s", l.Level, l.Text)
		if l.Errno != 0 {
			text += fmt.Sprintf(" (%d: %s)", l.Errno, "as the system says it")
		}
		if l.Phase != "" {
			text += " while " + l.Phase
		}
		if l.Phase == "resolving" {
			return text + ", resolver: 10.0.0.53:53"
		}
		text += `, client: 10.0.0.7, server: site.example, request: "GET / HTTP/1.1"`
		if strings.Contains(l.Phase, "upstream") {
			to := scheme + "://10.0.0.5:8080/"
			if strings.Contains(l.Text, "unix:") {
				to = scheme + "://unix:/run/app.sock:"
			}
			text += `, upstream: "` + to + `"`
		}
		return text + `, host: "site.example"`
	case "apache":
		text := "[Fri Jan 02 15:04:05.000000 2026] [proxy:" + l.Level + "] [pid 12:tid 34] "
		if l.Errno != 0 {
			text += fmt.Sprintf("(%d)As the system says it: ", l.Errno)
		}
		if l.Code != "" {
			text += "[client 10.0.0.7:40000] " + l.Code + ": "
		}
		return text + l.Text
	case "haproxy":
		if m := retries.FindStringSubmatch(l.Text); m != nil && l.Code != "" {
			again := m[3]
			if again == "" {
				again = "0"
			}
			return fmt.Sprintf(`<3>10.0.0.7:40000 [02/Jan/2026:15:04:05.000] web %s 0/0/1/-1/10 %s 217 - - %s 1/1/0/0/%s 0/0 "GET / HTTP/1.1"`, m[1], m[2], l.Code, again)
		}
	case "trafficserver":
		switch {
		case l.Level == "warn":
			return "[Jan 02 15:04:05.000] [ET_NET 0] WARNING: " + l.Text
		case l.Code == "CONNECT":
			why := "ENET_SSL_CONNECT_FAILED"
			if l.Errno > 0 {
				why = diagnose.ErrnoTexts(l.Errno)[0]
			}
			return fmt.Sprintf("20260102.15h04m05s CONNECT: %s for host='site.example' connection_result=%s [%d] error=%s [%d] attempts=0 url='http://10.0.0.5:8080/'",
				l.Text, why, l.Errno, why, l.Errno)
		}
		status, reason, own := strings.Cut(l.Text, " ")
		given := status
		if own {
			given = "000"
		}
		return fmt.Sprintf("1767366245.500 3 10.0.0.7 %s/%s 450 GET http://site.example/ - DIRECT/10.0.0.5 text/html %s 0 %s", l.Code, status, given, reason)
	case "caddy":
		if l.Code != "" {
			return fmt.Sprintf(`{"level":%q,"ts":1767366245.5,"logger":%q,"msg":%q}`, l.Level, l.Code, l.Text)
		}
	}
	return l.String()
}

// schemeOf is the protocol by which a scenario's gateway calls its upstream.
func schemeOf(s scenario.Scenario) string {
	for _, p := range [...]string{"fastcgi", "uwsgi", "scgi", "grpc", "memcached"} {
		if strings.Contains(s.Gateway.Config, p+"_pass") || p == "fastcgi" && strings.Contains(s.Gateway.Config, "fcgi://") {
			return p
		}
	}
	if strings.Contains(s.Gateway.Config, "proxy_pass https") {
		return "https"
	}
	return "http"
}
