package nginx

import (
	"errors"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
)

const stampText = "2026/01/02 15:04:05 "

var stampTime = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       gateway.LogRecord
	}{
		{
			"refused", `[error] 12#12: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: shop.test, request: "GET /a?b=1 HTTP/1.1", upstream: "http://10.0.0.1:8080/a?b=1", host: "shop.test", referrer: "http://shop.test/"`,
			gateway.LogRecord{Level: "error", PID: 12, Connection: 3, Message: "connect() failed", Errno: 111, ErrnoText: "Connection refused", Phase: "connecting to upstream", Client: "127.0.0.1", Server: "shop.test", Request: "GET /a?b=1 HTTP/1.1", Upstream: "http://10.0.0.1:8080/a?b=1", Host: "shop.test"},
		},
		{
			"timed out, IPv6 client", `[error] 7#0: *18 upstream timed out (110: Connection timed out) while reading response header from upstream, client: ::1, server: , request: "POST /x HTTP/2.0", upstream: "fastcgi://unix:/run/php/php8.2-fpm.sock:", host: "h"`,
			gateway.LogRecord{Level: "error", PID: 7, Connection: 18, Message: "upstream timed out", Errno: 110, ErrnoText: "Connection timed out", Phase: "reading response header from upstream", Client: "::1", Request: "POST /x HTTP/2.0", Upstream: "fastcgi://unix:/run/php/php8.2-fpm.sock:", Host: "h"},
		},
		{
			"unix socket", `[crit] 30#30: *1 connect() to unix:/run/php/php8.1-fpm.sock failed (2: No such file or directory) while connecting to upstream, client: unix:, server: _, request: "GET / HTTP/1.0", upstream: "fastcgi://unix:/run/php/php8.1-fpm.sock:"`,
			gateway.LogRecord{Level: "crit", PID: 30, Connection: 1, Message: "connect() to unix:/run/php/php8.1-fpm.sock failed", Errno: 2, ErrnoText: "No such file or directory", Phase: "connecting to upstream", Client: "unix:", Server: "_", Request: "GET / HTTP/1.0", Upstream: "fastcgi://unix:/run/php/php8.1-fpm.sock:"},
		},
		{
			"TLS", `[error] 5#5: *9 SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream, client: 10.9.8.7, server: s, request: "GET / HTTP/1.1", upstream: "https://127.0.0.1:8443/", host: "s"`,
			gateway.LogRecord{Level: "error", PID: 5, Connection: 9, Message: "SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number)", Phase: "SSL handshaking to upstream", Client: "10.9.8.7", Server: "s", Request: "GET / HTTP/1.1", Upstream: "https://127.0.0.1:8443/", Host: "s"},
		},
		{
			"TLS with errno", `[error] 5#5: *9 peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking to upstream, client: 1.1.1.1, server: s`,
			gateway.LogRecord{Level: "error", PID: 5, Connection: 9, Message: "peer closed connection in SSL handshake", Errno: 104, ErrnoText: "Connection reset by peer", Phase: "SSL handshaking to upstream", Client: "1.1.1.1", Server: "s"},
		},
		{
			"certificate", `[error] 5#5: *9 upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream, client: 1.1.1.1, server: s`,
			gateway.LogRecord{Level: "error", PID: 5, Connection: 9, Message: "upstream SSL certificate verify error: (10:certificate has expired)", Phase: "SSL handshaking to upstream", Client: "1.1.1.1", Server: "s"},
		},
		{
			"resolver", `[error] 5#5: *2 app.test could not be resolved (3: Host not found), client: 127.0.0.1, server: s, request: "GET / HTTP/1.1", host: "s"`,
			gateway.LogRecord{Level: "error", PID: 5, Connection: 2, Message: "app.test could not be resolved", Errno: 3, ErrnoText: "Host not found", Client: "127.0.0.1", Server: "s", Request: "GET / HTTP/1.1", Host: "s"},
		},
		{
			"resolver for a service", `[error] 5#5: _http._tcp.a.test could not be resolved (2: Server failure) while resolving service http of a.test`,
			gateway.LogRecord{Level: "error", PID: 5, Message: "_http._tcp.a.test could not be resolved while resolving service http of a.test", Errno: 2, ErrnoText: "Server failure"},
		},
		{
			"while in the message", `[error] 5#5: *2 rewrite or internal redirection cycle while processing "/index.php", client: 127.0.0.1, server: s, request: "GET / HTTP/1.1", host: "s"`,
			gateway.LogRecord{Level: "error", PID: 5, Connection: 2, Message: `rewrite or internal redirection cycle while processing "/index.php"`, Client: "127.0.0.1", Server: "s", Request: "GET / HTTP/1.1", Host: "s"},
		},
		{
			"while twice", `[error] 5#5: *2 cycle while evaluating variable "x" while reading response header from upstream, client: 127.0.0.1, server: s`,
			gateway.LogRecord{Level: "error", PID: 5, Connection: 2, Message: `cycle while evaluating variable "x"`, Phase: "reading response header from upstream", Client: "127.0.0.1", Server: "s"},
		},
		{
			"quotes and commas in the request", `[error] 5#5: *2 connect() failed (113: No route to host) while connecting to upstream, client: 127.0.0.1, server: s, request: "GET /a",b="c", client: x HTTP/1.1", upstream: "http://1.2.3.4:80/a",b="c"", host: "s", referrer: "http://r/", host: "evil""`,
			gateway.LogRecord{Level: "error", PID: 5, Connection: 2, Message: "connect() failed", Errno: 113, ErrnoText: "No route to host", Phase: "connecting to upstream", Client: "127.0.0.1", Server: "s", Request: `GET /a",b="c", client: x HTTP/1.1`, Upstream: `http://1.2.3.4:80/a",b="c"`, Host: "evil\""},
		},
		{
			"PHP", "[error] 5#5: *2 FastCGI sent in stderr: \"PHP message: PHP Fatal error:  Uncaught Error (1: x) while thinking, client: none in /a.php:3\nStack trace:\n#0 {main}\" while reading response header from upstream, client: 127.0.0.1, server: s, request: \"GET /a.php HTTP/1.1\", upstream: \"fastcgi://127.0.0.1:9000\", host: \"s\"",
			gateway.LogRecord{Level: "error", PID: 5, Connection: 2, Message: "FastCGI sent in stderr: \"PHP message: PHP Fatal error:  Uncaught Error (1: x) while thinking, client: none in /a.php:3\nStack trace:\n#0 {main}\"", Phase: "reading response header from upstream", Client: "127.0.0.1", Server: "s", Request: "GET /a.php HTTP/1.1", Upstream: "fastcgi://127.0.0.1:9000", Host: "s"},
		},
		{
			"cut off by nginx", `[error] 5#5: *2 upstream prematurely closed connection while reading upstream, client: 127.0.0.1, server: s, request: "GET /aaaa`,
			gateway.LogRecord{Level: "error", PID: 5, Connection: 2, Message: "upstream prematurely closed connection", Phase: "reading upstream", Client: "127.0.0.1", Server: "s", Request: "GET /aaaa"},
		},
		{
			"start-up", `[emerg] 1#1: host not found in upstream "app" in /etc/nginx/nginx.conf:12`,
			gateway.LogRecord{Level: "emerg", PID: 1, Message: `host not found in upstream "app" in /etc/nginx/nginx.conf:12`},
		},
		{
			"start-up with errno", `[emerg] 1#1: open() "/etc/nginx/a (9: b)" failed (2: No such file or directory) in /etc/nginx/nginx.conf:3`,
			gateway.LogRecord{Level: "emerg", PID: 1, Message: `open() "/etc/nginx/a (9: b)" failed in /etc/nginx/nginx.conf:3`, Errno: 2, ErrnoText: "No such file or directory"},
		},
		{
			"resolver unreachable", `[error] 8#8: send() failed (111: Connection refused) while resolving, resolver: 127.0.0.1:9`,
			gateway.LogRecord{Level: "error", PID: 8, Message: "send() failed", Errno: 111, ErrnoText: "Connection refused", Phase: "resolving"},
		},
		{
			"syslog", `[alert] 8#8: *4 send() failed (111: Connection refused) while logging to syslog, server: 127.0.0.1:514`,
			gateway.LogRecord{Level: "alert", PID: 8, Connection: 4, Message: "send() failed", Errno: 111, ErrnoText: "Connection refused", Phase: "logging to syslog"},
		},
		{
			"accepting", `[crit] 8#8: accept4() failed (24: Too many open files) while accepting new connection on 0.0.0.0:80`,
			gateway.LogRecord{Level: "crit", PID: 8, Message: "accept4() failed", Errno: 24, ErrnoText: "Too many open files", Phase: "accepting new connection on 0.0.0.0:80"},
		},
		{
			"notice", `[notice] 1#1: signal 17 (SIGCHLD) received from 24`,
			gateway.LogRecord{Level: "notice", PID: 1, Message: "signal 17 (SIGCHLD) received from 24"},
		},
		{
			"alert without connection", `[alert] 1#1: worker process 30 exited on signal 9`,
			gateway.LogRecord{Level: "alert", PID: 1, Message: "worker process 30 exited on signal 9"},
		},
		{
			"accept", `[crit] 8#8: accept4() failed (24: Too many open files)`,
			gateway.LogRecord{Level: "crit", PID: 8, Message: "accept4() failed", Errno: 24, ErrnoText: "Too many open files"},
		},
		{
			"stream", `[error] 8#8: *5 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: 0.0.0.0:9000, upstream: "127.0.0.1:9001", bytes from/to client:0/0, bytes from/to upstream:0/0`,
			gateway.LogRecord{Level: "error", PID: 8, Connection: 5, Message: "connect() failed", Errno: 111, ErrnoText: "Connection refused", Phase: "connecting to upstream", Client: "127.0.0.1", Server: "0.0.0.0:9000", Upstream: "127.0.0.1:9001"},
		},
		{
			"datagram", `[error] 8#8: *5 recv() failed (111: Connection refused) while proxying and reading from upstream, udp client: 127.0.0.1, server: 0.0.0.0:53, upstream: "127.0.0.1:54", bytes from/to client:20/0, bytes from/to upstream:0/20`,
			gateway.LogRecord{Level: "error", PID: 8, Connection: 5, Message: "recv() failed", Errno: 111, ErrnoText: "Connection refused", Phase: "proxying and reading from upstream", Client: "127.0.0.1", Server: "0.0.0.0:53", Upstream: "127.0.0.1:54"},
		},
		{
			"comma in the message", `[info] 8#8: *5 epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while sending request to upstream, client: 127.0.0.1, server: s, request: "GET / HTTP/1.1"`,
			gateway.LogRecord{Level: "info", PID: 8, Connection: 5, Message: "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too", Phase: "sending request to upstream", Client: "127.0.0.1", Server: "s", Request: "GET / HTTP/1.1"},
		},
		{
			"client alone", `[info] 8#8: *5 client closed connection while waiting for request, client: 127.0.0.1, server: 0.0.0.0:80`,
			gateway.LogRecord{Level: "info", PID: 8, Connection: 5, Message: "client closed connection", Phase: "waiting for request", Client: "127.0.0.1", Server: "0.0.0.0:80"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := stampText + c.line
			c.want.Raw, c.want.Time = raw, stampTime
			got, err := ParseLog(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %#v\nwant %#v", got, c.want)
			}
		})
	}
}

func TestParseTerminal(t *testing.T) {
	got, err := ParseLog(`nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)`)
	if err != nil {
		t.Fatal(err)
	}
	if got.Level != "emerg" || got.Errno != 98 || got.PID != 0 || !got.Time.IsZero() {
		t.Errorf("got %#v", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, line := range []string{
		"", "\n", "#0 {main}", stampText, stampText + "[", stampText + "[loud] 1#1: x", stampText + "[error] 1: x",
		stampText + "[error] x#1: x", stampText + "[error] 1#1:x", stampText + "[error]", "nginx: test failed",
		`127.0.0.1 - - [02/Jan/2026:15:04:05 +0000] "GET / HTTP/1.1" 502 157`, "2026-01-02 15:04:05 [error] 1#1: x",
	} {
		got, err := ParseLog(line)
		if !errors.Is(err, ErrForm) {
			t.Errorf("Parse(%q): %#v, %v", line, got, err)
		}
		if got != (gateway.LogRecord{Raw: line}) {
			t.Errorf("Parse(%q) returned more than Raw: %#v", line, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(stampText + `[error] 1#1: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 1.2.3.4, server: s, request: "GET / HTTP/1.1", upstream: "http://1.2.3.4:80/", host: "s"`)
	f.Add(stampText + `[emerg] 1#1: unexpected "}" in /etc/nginx/nginx.conf:3`)
	f.Add(stampText + `[crit] 1#1: *1 open() "/t/1/00/0000000001" failed (13: Permission denied) while reading upstream, udp client: , client: x`)
	f.Add("nginx: [alert] (1: x) while resolving service ")
	f.Fuzz(func(t *testing.T, line string) {
		l, _ := ParseLog(line)
		if l.Raw != line {
			t.Fatalf("Raw is %q, not %q", l.Raw, line)
		}
		_, _, _ = l.String(), l.Same(), l.AtLeast("warn")
		lines, rest := ParseLogs(line)
		for _, l := range lines {
			if again, err := ParseLog(l.Raw); err != nil || again != l {
				t.Fatalf("a line of ParseAll reads differently alone: %#v, %#v, %v", l, again, err)
			}
		}
		_ = rest
	})
}

func BenchmarkParse(b *testing.B) {
	const line = stampText + `[error] 12#12: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: shop.test, request: "GET /a?b=1 HTTP/1.1", upstream: "http://10.0.0.1:8080/a?b=1", host: "shop.test"`
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseLog(line); err != nil {
			b.Fatal(err)
		}
	}
}
