package nginx

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/badgateway/badgateway/harness/gateway"
)

func parsed(t *testing.T, line string) gateway.LogRecord {
	t.Helper()
	l, err := ParseLog(line)
	if err != nil {
		t.Fatalf("%v: %q", err, line)
	}
	return l
}

func TestParseAll(t *testing.T) {
	first := stampText + "[error] 1#1: *1 FastCGI sent in stderr: \"PHP message: PHP Fatal error:\n2026/01/02 15:04:05 is no line\n\n#0 {main}\" while reading response header from upstream, client: 1.2.3.4, server: s"
	second := stampText + "[notice] 1#1: exiting"
	lines, rest := ParseLogs("torn off\" while x\n" + first + "\r\n" + second + "\nnginx: configuration file /etc/nginx/nginx.conf test failed\nand more\n")
	if want := []gateway.LogRecord{parsed(t, first), parsed(t, second)}; !reflect.DeepEqual(lines, want) {
		t.Errorf("lines:\n%q\nwant\n%q", lines, want)
	}
	want := []string{`torn off" while x`, "nginx: configuration file /etc/nginx/nginx.conf test failed", "and more"}
	if !reflect.DeepEqual(rest, want) {
		t.Errorf("rest: %q, want %q", rest, want)
	}
	if lines, rest := ParseLogs(""); lines != nil || rest != nil {
		t.Errorf("an empty log: %v, %v", lines, rest)
	}
}

func TestAtLeast(t *testing.T) {
	for _, c := range []struct {
		level, least string
		want         bool
	}{
		{"error", "warn", true}, {"warn", "warn", true}, {"notice", "warn", false}, {"emerg", "alert", true},
		{"debug", "debug", true}, {"error", "loud", false}, {"", "debug", false},
	} {
		if got := (gateway.LogRecord{Level: c.level}).AtLeast(c.least); got != c.want {
			t.Errorf("%q at least %q: %v", c.level, c.least, got)
		}
	}
}

func TestString(t *testing.T) {
	for line, want := range map[string]string{
		`[error] 1#1: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 1.2.3.4, server: s`: "[error] connect() failed (111: Connection refused) while connecting to upstream",
		"[error] 1#1: *3 FastCGI sent in stderr: \"PHP message: a\n  b\", client: 1.2.3.4":                                    `[error] FastCGI sent in stderr: "PHP message: a b"`,
		`[emerg] 1#1: open() "/x" failed (2: No such file or directory) in /etc/nginx/nginx.conf:3`:                           `[emerg] open() "/x" failed (2: No such file or directory) in /etc/nginx/nginx.conf:3`,
		`[error] 1#1: a could not be resolved (2: Server failure) while resolving service http of a`:                          `[error] a could not be resolved (2: Server failure) while resolving service http of a`,
	} {
		if got := parsed(t, stampText+line).String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSame(t *testing.T) {
	const context = `, server: s, request: "GET / HTTP/1.1", upstream: "http://10.0.0.1:8080/", host: "s"`
	for _, twins := range [][2]string{
		{`[error] 1#1: *3 connect() failed (111: Connection refused), client: 127.0.0.1` + context, `[error] 44#44: *9 connect() failed (111: Connection refused), client: 127.0.0.2` + context},
		{`[error] 1#1: *3 limiting requests, excess: 5.994 by zone "login"`, `[error] 1#1: *3 limiting requests, excess: 6.000 by zone "login"`},
		{`[info] 1#1: *3 client 127.0.0.1:40001 closed`, `[info] 1#1: *3 client 127.0.0.1:60999 closed`},
		{`[alert] 1#1: worker process 30 exited on signal 9`, `[alert] 1#1: worker process 31 exited on signal 9`},
		{`[warn] 1#1: *3 buffered to a temporary file /var/lib/nginx/proxy/1/00/0000000001`, `[warn] 1#1: *3 buffered to a temporary file /var/lib/nginx/proxy/2/10/0000000102`},
	} {
		a, b := parsed(t, stampText+twins[0]).Same(), parsed(t, "2027"+stampText[4:]+twins[1]).Same()
		if a != b {
			t.Errorf("twins differ:\n%s\n%s", a, b)
		}
	}
	for _, others := range [][2]string{
		{`[error] 1#1: *3 connect() failed (111: x)`, `[error] 1#1: *3 connect() failed (113: x)`},
		{`[error] 1#1: *3 x, client: 1.1.1.1, server: s, request: "GET / HTTP/1.1", upstream: "http://10.0.0.1:80/"`, `[error] 1#1: *3 x, client: 1.1.1.1, server: s, request: "GET / HTTP/1.1", upstream: "http://10.0.0.2:80/"`},
		{`[alert] 1#1: worker process 30 exited on signal 9`, `[alert] 1#1: worker process 30 exited on signal 11`},
		{`[error] 1#1: *3 limiting requests, excess: 5.994 by zone "login1"`, `[error] 1#1: *3 limiting requests, excess: 5.994 by zone "login2"`},
		{`[error] 1#1: *3 in a.php:40000`, `[error] 1#1: *3 in a.php:40001`},
	} {
		if a, b := parsed(t, stampText+others[0]).Same(), parsed(t, stampText+others[1]).Same(); a == b {
			t.Errorf("taken for the same: %s", a)
		}
	}
}

func ExampleParse() {
	l, err := ParseLog(`2026/01/02 15:04:05 [error] 12#12: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: shop.test, request: "GET /cart HTTP/1.1", upstream: "http://10.0.0.1:8080/cart", host: "shop.test"`)
	if err != nil {
		panic(err)
	}
	fmt.Println(l)
	fmt.Println(l.Errno, l.Upstream)
	// Output:
	// [error] connect() failed (111: Connection refused) while connecting to upstream
	// 111 http://10.0.0.1:8080/cart
}
