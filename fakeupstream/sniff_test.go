package fakeupstream

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// openings are the first bytes of connections, and what they are.
var openings = map[string]struct{ bytes, is string }{
	"http":                {getRoot, HTTP},
	"http long method":    {"UPDATEREDIRECTREF /a HTTP/1.1\r\n", HTTP},
	"http PROXY method":   {"PROXY /a HTTP/1.1\r\n", HTTP},
	"http P":              {"PRI /a HTTP/1.1\r\n", HTTP},
	"fastcgi":             {fcgiRequest(true, ""), FastCGI},
	"uwsgi":               {uwsgiRequest("", "REQUEST_METHOD", "GET"), UWSGI},
	"uwsgi other name":    {uwsgiRequest("", "x.y-z", "1"), UWSGI},
	"scgi":                {scgiRequest("", "REQUEST_METHOD", "GET"), SCGI},
	"grpc":                {http2.ClientPreface, GRPC},
	"get":                 {"get key\r\n", Memcached},
	"gets":                {"gets key\r\n", Memcached},
	"tls":                 {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", foundTLS},
	"proxy 4":             {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", foundProxy1},
	"proxy 6":             {"PROXY TCP6 ::1 ::1 1 2\r\n", foundProxy1},
	"proxy unknown":       {"PROXY UNKNOWN\r\n", foundProxy1},
	"proxy v2":            {proxy2Signature + "\x21\x11\x00\x0c", foundProxy2},
	"redis":               {"*1\r\n$4\r\nPING\r\n", Stream},
	"redis inline":        {"PING\r\n", Stream},
	"postgres":            {"\x00\x00\x00\x08\x04\xd2\x16\x2f", Stream},
	"mqtt":                {"\x10\x0c\x00\x04MQTT", Stream},
	"amqp":                {"AMQP\x00\x00\x09\x01", Stream},
	"memcached set":       {"set key 0 0 1\r\n", Stream},
	"getter":              {"getter\r\n", Stream},
	"netstring":           {"5:hello,", Stream},
	"scgi other name":     {"20:CONTENT_TYPE\x00", Stream},
	"digits":              {"123456789", Stream},
	"long word":           {strings.Repeat("A", maxMethod), Stream},
	"tls alert":           {"\x15\x03\x03\x00\x02\x02\x0a", Stream},
	"uwsgi no room":       {"\x00\x05\x00\x00\x05\x00HELLO", Stream},
	"uwsgi modifier2":     {"\x00\x20\x00\x01\x05\x00HELLO", Stream},
	"uwsgi no name":       {"\x00\x20\x00\x00\x05\x00\x01\x02\x03\x04\x05", Stream},
	"fastcgi end request": {"\x01\x03\x00\x01", Stream},
	"zero":                {"\x00\x00\x00\x00", Stream},
	"line":                {"\n\n", Stream},
	"high":                {"\xff\xfe", Stream},
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for name, c := range openings {
		t.Run(name, func(t *testing.T) {
			if got := sniff([]byte(c.bytes)); got != c.is {
				t.Fatalf("%q is taken for %q and not for %q", c.bytes, got, c.is)
			}
			// Byte by byte there is no other verdict on the way.
			for n := range len(c.bytes) {
				if got := sniff([]byte(c.bytes[:n])); got != "" && got != c.is {
					t.Fatalf("%q is taken for %q and not for %q", c.bytes[:n], got, c.is)
				}
			}
		})
	}
}

// Whatever comes, a verdict once given stays, and comes within a bufio.Reader's buffer.
func FuzzSniff(f *testing.F) {
	for _, c := range openings {
		f.Add([]byte(c.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first := ""
		for n := range min(len(b), 300) + 1 {
			got := sniff(b[:n])
			if n == 0 && got != "" {
				t.Fatalf("nothing is taken for %q", got)
			}
			if first != "" && got != first {
				t.Fatalf("%q is taken for %q after it was taken for %q", b[:n], got, first)
			}
			if first = got; n > 256 && got == "" {
				t.Fatalf("no verdict on %q", b[:n])
			}
		}
	})
}
