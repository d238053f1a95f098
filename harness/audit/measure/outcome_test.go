package measure

import (
	"slices"
	"testing"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

func TestAddressIn(t *testing.T) {
	for upstream, want := range map[string]string{
		"http://10.0.0.5:8080/x":              "10.0.0.5:8080",
		"https://10.0.0.5:8443/":              "10.0.0.5:8443",
		"fastcgi://unix:/run/php/fpm.sock:":   "unix:/run/php/fpm.sock",
		"uwsgi://unix:///tmp/lims.sock:":      "unix:/tmp/lims.sock",
		"http://[2001:db8::5]:88/six":         "[2001:db8::5]:88",
		"grpc://10.0.0.5:50051":               "10.0.0.5:50051",
		"10.30.0.11:5432":                     "10.30.0.11:5432",
		"http://pool":                         "",
		"":                                    "",
		"fastcgi://10.0.0.5:9000":             "10.0.0.5:9000",
		"memcached://10.0.0.7:11211":          "10.0.0.7:11211",
		"http://unix:/run/gunicorn.sock:/api": "unix:/run/gunicorn.sock",
	} {
		if got := addressIn(upstream); got != want {
			t.Errorf("addressIn(%q) is %q, not %q", upstream, got, want)
		}
	}
}

func line(level, upstream string) gateway.LogRecord {
	return gateway.LogRecord{Level: level, Upstream: upstream}
}

func call(at, name string, methods ...string) lab.UpstreamCall {
	c := lab.UpstreamCall{At: at, Name: name, Record: fakeupstream.ConnectionRecord{Protocol: "http"}}
	for i, m := range methods {
		c.Record.Requests = append(c.Record.Requests, fakeupstream.RequestRecord{Number: i + 1, Method: m, URI: "/x"})
	}
	return c
}

func TestTries(t *testing.T) {
	names := addressNames{"198.18.0.5": "app"}
	keys := []string{"app:8080", "10.0.0.2:8080", "unix:/run/app.sock"}
	for what, c := range map[string]struct {
		calls []lab.UpstreamCall
		down  []string
		log   []gateway.LogRecord
		want  []string
	}{
		"one that answers": {[]lab.UpstreamCall{call("10.0.0.2:8080", "", "GET")}, nil, nil, []string{"10.0.0.2:8080"}},
		"one that refuses, which no upstream sees, and one that answers": {
			[]lab.UpstreamCall{call("10.0.0.2:8080", "", "GET")}, []string{"198.18.0.5:8080"}, []gateway.LogRecord{line("error", "http://198.18.0.5:8080/")},
			[]string{"app:8080", "10.0.0.2:8080"},
		},
		"one that refuses, and a log that goes nowhere": {nil, []string{"198.18.0.5:8080"}, nil, []string{"app:8080"}},
		"two that refuse, in the log's order": {
			nil, []string{"10.0.0.2:8080", "198.18.0.5:8080"},
			[]gateway.LogRecord{line("error", "http://198.18.0.5:8080/"), line("error", "http://10.0.0.2:8080/")}, []string{"app:8080", "10.0.0.2:8080"},
		},
		"one that refuses, and a line that is in two files": {
			nil, []string{"198.18.0.5:8080"}, []gateway.LogRecord{line("error", "http://198.18.0.5:8080/"), line("error", "http://198.18.0.5:8080/")},
			[]string{"app:8080"},
		},
		"a socket at which nobody listens": {
			nil, nil, []gateway.LogRecord{{Level: "crit", Message: "connect() to unix:/run/app.sock failed", Upstream: "http://unix:/run/app.sock:/"}},
			[]string{"unix:/run/app.sock"},
		},
		"one that was called and failed counts once": {
			[]lab.UpstreamCall{call("198.18.0.5:8080", "app", "GET")}, nil, []gateway.LogRecord{line("error", "http://198.18.0.5:8080/")},
			[]string{"app:8080"},
		},
		"a warning beside the error is no try": {
			nil, []string{"10.0.0.2:8080"}, []gateway.LogRecord{line("error", "http://10.0.0.2:8080/"), line("warn", "http://10.0.0.2:8080/")},
			[]string{"10.0.0.2:8080"},
		},
		"an auth service and the gateway itself are none": {
			[]lab.UpstreamCall{call("10.9.9.9:1", "", "GET"), {At: "127.0.0.1:80", Self: true}, call("10.0.0.2:8080", "", "GET")}, nil, nil,
			[]string{"10.0.0.2:8080"},
		},
	} {
		if got := triesOf(lab.Events{Calls: c.calls, DownCalls: c.down}, c.log, names, keys); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", what, got, c.want)
		}
	}
}

// With several error_log directives each file has the line of one event; two that are alike in one file are two.
func TestLogOfSeveralFiles(t *testing.T) {
	one := "2026/11/27 12:00:00 [error] 8#8: *1 connect() failed (111: Connection refused) while connecting to upstream\n"
	for what, c := range map[string]struct {
		logs map[string]string
		want int
	}{
		"one event in two files":         {map[string]string{"/a.log": one, "/b.log": one}, 1},
		"two that look alike":            {map[string]string{"/a.log": one + one}, 2},
		"the same, and a file of errors": {map[string]string{"/a.log": one + one, "/b.log": one + one}, 2},
	} {
		var answer lab.ProbeAnswer
		answer.Logs = c.logs
		lines, file := logOf(answer)
		if len(lines) != c.want || file != "/a.log" {
			t.Errorf("%s: %d lines of %s, not %d", what, len(lines), file, c.want)
		}
	}
}

func TestRepeated(t *testing.T) {
	whole := func(c lab.UpstreamCall) lab.UpstreamCall {
		for i := range c.Record.Requests {
			c.Record.Requests[i].HeadRead = c.Record.Requests[i].HeadRead.AddDate(1, 0, 0)
		}
		return c
	}
	keys := []string{"10.0.0.1:80", "10.0.0.2:80"}
	for what, c := range map[string]struct {
		calls []lab.UpstreamCall
		want  int
	}{
		"once":                  {[]lab.UpstreamCall{whole(call("10.0.0.1:80", "", "POST"))}, 0},
		"to two peers":          {[]lab.UpstreamCall{whole(call("10.0.0.1:80", "", "POST")), whole(call("10.0.0.2:80", "", "POST"))}, 1},
		"mirrored":              {[]lab.UpstreamCall{whole(call("10.0.0.1:80", "", "POST")), whole(call("10.7.7.7:80", "", "POST"))}, 0},
		"a GET, twice":          {[]lab.UpstreamCall{whole(call("10.0.0.1:80", "", "GET", "GET"))}, 0},
		"never read in whole":   {[]lab.UpstreamCall{call("10.0.0.1:80", "", "POST"), call("10.0.0.2:80", "", "POST")}, 0},
		"three times at a peer": {[]lab.UpstreamCall{whole(call("10.0.0.1:80", "", "POST", "POST", "POST"))}, 2},
	} {
		if got := repeated(lab.Events{Calls: c.calls}, keys); got != c.want {
			t.Errorf("%s: %d, not %d", what, got, c.want)
		}
	}
}

func TestPage(t *testing.T) {
	for body, want := range map[string]string{
		"": "",
		"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n": "nginx",
		"<center>openresty</center>":                       "nginx",
		"badgateway: app answers\n":                        "upstream",
		"0123456789abcdefghij":                             "upstream",
		"<h1>We will be back in a moment, says nginx</h1>": "config",
	} {
		if got := pageOf(audit.Outcome{Body: body}); got != want {
			t.Errorf("the page of %q is %q, not %q", body, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	s := addressNames{}
	s.learn(lab.Events{
		DNSQueries: []lab.DNSQuery{{Name: "late.internal", Type: "A", Got: "198.18.7.7"}, {Name: "late.internal", Type: "AAAA"}},
		Calls:      []lab.UpstreamCall{{At: "198.18.0.5:8080", Name: "app"}, {At: "10.0.0.1:80"}},
	})
	for at, want := range map[string]string{
		"198.18.0.5:8080": "app:8080", "10.0.0.1:80": "10.0.0.1:80", "198.18.7.7:99": "late.internal:99", "10.5.5.5:1": "10.5.5.5:1",
	} {
		if got := s.name(at); got != want {
			t.Errorf("the name of %s is %s, not %s", at, got, want)
		}
		if back := s.addressOf(want); back != at {
			t.Errorf("the address of %s is %s, not %s", want, back, at)
		}
	}
}

// A failure is masked where visitors get an error page with a status that does not say so; what another upstream answers is a fallback.
func TestMasked(t *testing.T) {
	r := &route{Route: audit.Route{Role: "content", Protocol: "http", Healthy: audit.Outcome{Status: 200, Page: "upstream"}}}
	refused := audit.Fault{FaultInfo: audit.FaultInfo{ID: "refused"}, Kind: audit.Refuses}
	answers := func(status int) audit.Fault {
		return audit.Fault{FaultInfo: audit.FaultInfo{ID: "answers"}, Kind: audit.Behaves, Does: fakeupstream.Well{Status: status}}
	}
	early := answers(413)
	early.Says, early.Does = 413, fakeupstream.EarlyAnswer{End: fakeupstream.EndReset, Answer: fakeupstream.Well{Status: 413}}
	for name, c := range map[string]struct {
		fault   audit.Fault
		outcome audit.Outcome
		want    bool
	}{
		"what the application says, cut": {early, audit.Outcome{Status: 413, Cut: true}, false},
		"502":                            {refused, audit.Outcome{Status: 502, Page: "nginx"}, false},
		"404":                            {refused, audit.Outcome{Status: 404, Page: "nginx"}, true},
		"405 of a static page":           {refused, audit.Outcome{Status: 405, Page: "nginx"}, true},
		"200 with an error page":         {refused, audit.Outcome{Status: 200, Page: "config"}, true},
		"another upstream's 200":         {refused, audit.Outcome{Status: 200, Page: "upstream"}, false},
		"a redirect":                     {refused, audit.Outcome{Status: 302, Page: "nginx"}, false},
		"429":                            {refused, audit.Outcome{Status: 429, Page: "config"}, false},
		"a gRPC answer that is cut":      {refused, audit.Outcome{Status: 200, Page: "config", Header: map[string][]string{"Content-Type": {"application/grpc"}}}, false},
		"gRPC's status in a header":      {refused, audit.Outcome{Status: 200, Header: map[string][]string{"Grpc-Status": {"14"}}}, false},
		"no answer":                      {refused, audit.Outcome{NoAnswer: "closed"}, false},
		"the application's 500 as a 404": {answers(500), audit.Outcome{Status: 404, Page: "config"}, true},
		"the application's own 404":      {answers(404), audit.Outcome{Status: 404, Page: "config"}, false},
		"all is well, and it is no 200":  {audit.HealthyColumn(), audit.Outcome{Status: 404, Page: "nginx"}, false},
	} {
		if got := r.masked(c.fault, audit.Measurement{Fault: c.fault.ID, Method: "GET", Outcome: c.outcome}); got != c.want {
			t.Errorf("%s: masked is %v", name, got)
		}
	}
}
