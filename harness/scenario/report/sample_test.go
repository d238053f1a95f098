package report

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// sampleRun and samples are what a run may look like: passed, failed and errors, short and very long texts.
var sampleRun = Run{
	Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), Took: 4210 * time.Millisecond, Seed: 7,
	Image: "nginx:1.22", Engine: "Docker 20.10.24", Command: "badgateway run --seed 7",
}

const sampleConfig = `worker_processes 1;
error_log /var/log/nginx/error.log warn;
events { worker_connections 64; }
http {
    access_log /var/log/nginx/access.log;
    server {
        listen 127.0.1.1:80;
        location / {
            proxy_pass http://10.0.0.1:8080;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }
    }
}
`

func samples() []scenario.Evidence {
	const refused = `connect() failed (111: Connection refused) while connecting to upstream`
	const timedOut = `upstream timed out (110: Connection timed out) while reading response header from upstream`
	all := []scenario.Evidence{
		sample("upstream-stopped", "service", "A1", "nothing listens on 10.0.0.1:8080", 502, line("error", refused)),
		sample("upstream-stopped", "service", "A1", "Gunicorn is stopped", 502, line("error", refused)),
		sample("wrong-port", "service", "A2", "nginx asks port 8080, the app listens on 8081", 502, line("error", refused)),
		sample("socket-missing", "service", "A4", "the socket /run/php/php8.1-fpm.sock is missing, PHP-FPM made php8.2-fpm.sock", 502,
			line("crit", "connect() to unix:/run/php/php8.1-fpm.sock failed (2: No such file or directory) while connecting to upstream")),
		slow(sample("read-timeout", "time", "B2", "the app is silent for longer than proxy_read_timeout", 504, line("error", timedOut)), time.Minute),
		slow(sample("connect-timeout-three-upstreams-one-after-the-other", "time", "B2", "a firewall drops the packets to all three upstreams", 504,
			line("error", "upstream timed out (110: Connection timed out) while connecting to upstream"),
			line("error", "upstream timed out (110: Connection timed out) while connecting to upstream"),
			line("error", "upstream timed out (110: Connection timed out) while connecting to upstream")), 3*time.Minute),
		sample("php-fatal-error", "code", "E1", "the script calls a function that does not exist", 500,
			line("error", "FastCGI sent in stderr: \"PHP message: PHP Fatal error:  Uncaught Error: Call to undefined function shop_cart_total() in /var/www/html/wp-content/themes/shop/functions.php:214\nStack trace:\n#0 /var/www/html/index.php(17): require()\n#1 {main}\n  thrown in /var/www/html/wp-content/themes/shop/functions.php on line 214\" while reading response header from upstream")),
		sample("body-cut", "code", "E5", "the app dies in the middle of its answer", 200, line("error", "upstream prematurely closed connection while reading upstream")),
		sample("bad-chunk", "code", "E5", "the first chunk's length is no number", 0, line("error", "upstream sent invalid chunked response while reading upstream")),
		sample("name-gone", "dns", "G2", "the DNS server says that app.test does not exist", 502, line("error", "app.test could not be resolved (3: Host not found)")),
		sample("too-many-files", "memory", "C4", "nginx may open 12 files, and has them open", 500, line("alert", "socket() failed (24: Too many open files) while connecting to upstream")),
		sample("oom-kill", "memory", "C2", "PHP-FPM may use 32 MB", 502),
	}
	all[1].Variant, all[6].Variant = scenario.Real, scenario.Real
	all[4].Said = "a slow script gives 502 Bad Gateway"
	all[7].Broken.Cut, all[7].Broken.BodyBytes, all[7].Broken.Body = true, 4096, "<p>Half a pa"
	all[7].Said = "the visitor sees 502"
	all[8].Broken.NoAnswer, all[8].Broken.Body = "closed", ""

	e := &all[10]
	e.Verdict = scenario.Failed
	e.Broken.Status = 502
	e.Differences = []scenario.Difference{
		{What: "status", Want: "500", Got: "502"},
		{What: "log", Want: "[alert] socket() failed (24) while connecting to upstream", Got: "[error] " + refused + " - the level is error, not alert; the errno is 111, not 24"},
	}
	e.Broken.Log = []gateway.LogRecord{line("error", refused)}

	e = &all[11]
	e.Verdict, e.Error = scenario.Error, "the backend's image could not be built: no space left on device"
	e.Healthy, e.Broken, e.Recovered = lab.Exchange{}, lab.Exchange{}, lab.Exchange{}
	return all
}

func sample(id, family, cause, fault string, status int, log ...gateway.LogRecord) scenario.Evidence {
	ok := lab.Exchange{Visitor: "127.9.0.1", Request: "GET /", Status: 200, Body: "hello\n", BodyBytes: 6, Waited: 2 * time.Millisecond,
		Tries: []lab.Try{{Addr: "10.0.0.1:8080"}}}
	broken := ok
	broken.Status, broken.Log = status, log
	broken.Body = fmt.Sprintf("<html>\r\n<head><title>%d %s</title></head>\r\n<body></body>\r\n</html>\r\n", status, http.StatusText(status))
	broken.Header = map[string][]string{"Content-Type": {"text/html"}, "Server": {"nginx/1.22.1"}}
	broken.Access = `127.9.0.1 - - [02/Jan/2026:15:04:05 +0000] "GET / HTTP/1.1" ` + fmt.Sprint(status) + ` 157`
	return scenario.Evidence{
		Scenario: id, Variant: scenario.Fake, Family: family, Causes: []string{cause},
		Claim:   "When " + fault + ", nginx answers for the upstream, and its error log names the phase in which that happened.",
		Fault:   fault,
		Confirm: "ss -ltnp | grep ':8080 '", Remedy: "systemctl start app", Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html",
		Gateway: "nginx/1.22.1", Config: sampleConfig, Clock: "real", Healthy: ok, Broken: broken, Recovered: ok,
		Verdict: scenario.Passed, Took: 21 * time.Millisecond, Again: "badgateway run " + id,
		Transcript: []lab.Event{
			{At: 100 * time.Microsecond, Actor: "lab", Text: "nginx started"},
			{At: 6 * time.Millisecond, Actor: "visitor", Text: "GET / -> 200 after 2 ms"},
			{At: 8 * time.Millisecond, Actor: "fault", Text: fault},
			{At: 9 * time.Millisecond, Actor: "visitor", Text: fmt.Sprintf("GET / -> %d after 1 ms", status)},
			{At: 12 * time.Millisecond, Actor: "upstream app", Text: "mended:\nlistens again"},
			{At: 14 * time.Millisecond, Actor: "visitor", Text: "GET / -> 200 after 2 ms"},
		},
	}
}

func slow(e scenario.Evidence, after time.Duration) scenario.Evidence {
	e.Clock = "moved"
	e.Broken.NotBefore, e.Broken.Waited, e.Broken.Real = after-500*time.Millisecond, after+500*time.Millisecond, 100*time.Millisecond
	return e
}

func line(level, text string) gateway.LogRecord {
	context := `, client: 127.9.0.1, server: , request: "GET / HTTP/1.1", upstream: "http://10.0.0.1:8080/", host: "example.com"`
	l, err := nginx.ParseLog("2026/01/02 15:04:05 [" + level + "] 12#12: *3 " + text + context)
	if err != nil {
		panic(err)
	}
	return l
}

// written is what a writer of a report wrote.
func written(write func(*strings.Builder) error) string {
	var out strings.Builder
	if err := write(&out); err != nil {
		panic(err)
	}
	return out.String()
}
