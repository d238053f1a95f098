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
	keys := []string{"app:8080", "10.0.0.2:8080"}
	for what, c := range map[string]struct {
		calls []lab.UpstreamCall
		log   []gateway.LogRecord
		want  []string
	}{
		"one that answers": {[]lab.UpstreamCall{call("10.0.0.2:8080", "", "GET")}, nil, []string{"10.0.0.2:8080"}},
		"one that refuses, which no upstream sees, and one that answers": {
			[]lab.UpstreamCall{call("10.0.0.2:8080", "", "GET")}, []gateway.LogRecord{line("error", "http://198.18.0.5:8080/")},
			[]string{"app:8080", "10.0.0.2:8080"},
		},
		"one that was called and failed counts once": {
			[]lab.UpstreamCall{call("198.18.0.5:8080", "app", "GET")}, []gateway.LogRecord{line("error", "http://198.18.0.5:8080/")},
			[]string{"app:8080"},
		},
		"a warning beside the error is no try": {
			nil, []gateway.LogRecord{line("error", "http://10.0.0.2:8080/"), line("warn", "http://10.0.0.2:8080/")},
			[]string{"10.0.0.2:8080"},
		},
		"an auth service and the gateway itself are none": {
			[]lab.UpstreamCall{call("10.9.9.9:1", "", "GET"), {At: "127.0.0.1:80", Self: true}, call("10.0.0.2:8080", "", "GET")}, nil,
			[]string{"10.0.0.2:8080"},
		},
	} {
		if got := triesOf(lab.Events{Calls: c.calls}, c.log, names, keys); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", what, got, c.want)
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
