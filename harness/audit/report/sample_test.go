package report

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
)

// The faults of the samples.
var sampleFaults = []audit.FaultInfo{
	{ID: "refused", Title: "refused", Claim: "nothing listens at the upstream's address", Causes: []string{"A1"}, Scenario: "upstream-stopped"},
	{ID: "off", Title: "host off", Claim: "the upstream's host does not answer at all", Causes: []string{"H5"}},
	{ID: "silent", Title: "silent", Claim: "the upstream accepts and never answers", Causes: []string{"B2"}},
	{ID: "slow", Title: "slow", Claim: "the upstream answers after the gateway's time-out"},
	{ID: "dies-early", Title: "dies before", Claim: "the upstream closes before the header"},
	{ID: "dies-body", Title: "dies in body", Claim: "the upstream closes in the middle of the body", Causes: []string{"E5"}},
	{ID: "stalls-body", Title: "stalls in body", Claim: "the upstream stops sending in the middle of the body"},
	{ID: "says-500", Title: "says 500", Claim: "the upstream answers 500"},
	{ID: "says-502", Title: "says 502", Claim: "the upstream answers 502"},
	{ID: "says-503", Title: "says 503", Claim: "the upstream answers 503"},
	{ID: "big-header", Title: "big header", Claim: "the answer's header is 10 kB long"},
	{ID: "invalid", Title: "invalid", Claim: "the answer is no HTTP"},
	{ID: "name-gone", Title: "name gone", Claim: "the upstream's name does not resolve, and the gateway is restarted"},
	{ID: "name-moved", Title: "name moved", Claim: "the upstream's name has a new address"},
	{ID: "one-dead", Title: "one dead", Claim: "one of several peers refuses"},
	{ID: "one-silent", Title: "one silent", Claim: "one of several peers is silent"},
	{ID: "reuse", Title: "closed on reuse", Claim: "a connection that was kept is closed as it is used again"},
	{ID: "tls-expired", Title: "TLS expired", Claim: "the upstream's certificate has expired"},
	{ID: "tls-name", Title: "TLS wrong name", Claim: "the upstream's certificate is for another name"},
	{ID: "plain", Title: "plain for TLS", Claim: "the upstream speaks no TLS"},
	{ID: "restart", Title: "restarted", Claim: "the upstream refuses, visitors come, and then it is well"},
}

const (
	refusedLog = "connect() failed (111: Connection refused) while connecting to upstream"
	timeoutLog = "upstream timed out (110: Connection timed out) while reading response header from upstream"
)

// sample is a check of a shop: an API with two peers, PHP on a socket, an account page behind an auth service, a stream to a
// database, a route that is like another and one that can't be reached.
func sample() *audit.Report {
	at := func(line int) nginxconf.Place { return nginxconf.Place{File: "conf.d/shop.conf", Line: line} }
	api := route("shop.example.com/api/", "/api/", nginxconf.Content, "http", "http://backend", at(21), "app1:8080", "app2:8080")
	api.Upstream, api.Endpoints[1].Backup, api.Down = "backend", true, []string{"app3:8080"}
	php := route(`shop.example.com ~ \.php$`, `~ \.php$`, nginxconf.Content, "fastcgi", "unix:/run/php/php8.2-fpm.sock", at(34), "unix:/run/php/php8.2-fpm.sock")
	account := route("shop.example.com/account/", "/account/", nginxconf.Content, "https", "https://accounts.internal", at(41), "accounts.internal:443")
	account.Ask.Requires = "auth:9000 answers 200"
	auth := route("shop.example.com = /auth", "= /auth", nginxconf.Auth, "http", "http://auth:9000", at(47), "auth:9000")
	db := route("stream :3306", "", nginxconf.Content, "tcp", "db:3306", nginxconf.Place{File: "nginx.conf", Line: 40}, "db:3306")
	db.Ask, db.Healthy = audit.ClientRequest{Method: "TCP", URL: "tcp://:3306", To: "127.0.0.1:3306"}, audit.Outcome{Waited: time.Millisecond, Body: "hello"}
	img := route("shop.example.com/img/", "/img/", nginxconf.Content, "http", "http://backend", at(55), "app1:8080", "app2:8080")
	img.SameAs = api.ID
	old := route("legacy.example.com @old", "@old", nginxconf.Error, "http", "http://10.0.3.7:8080", nginxconf.Place{File: "conf.d/legacy.conf", Line: 9}, "10.0.3.7:8080")
	old.Reached, old.Why, old.Healthy, old.Endpoints[0].Place = false, "no error_page and no try_files leads to @old; give a request for it in badgateway.yaml", audit.Outcome{}, nginxconf.Place{}

	for _, r := range []*audit.Route{&api, &php, &account, &auth} {
		for _, f := range sampleFaults {
			for _, method := range []string{"GET", "POST"} {
				r.Measurements = append(r.Measurements, webCell(r, f.ID, method))
			}
		}
	}
	for _, f := range sampleFaults {
		db.Measurements = append(db.Measurements, streamCell(f.ID))
	}
	r := &audit.Report{
		Schema: audit.Schema, Version: "v1.2.3", Config: "deploy/nginx", Main: "nginx.conf", Gateway: "nginx/1.26.3", Clock: "moved",
		Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), Took: 3210 * time.Millisecond, Command: "badgateway check deploy/nginx",
		Verdict: audit.Findings, Faults: sampleFaults, Routes: []audit.Route{api, php, account, auth, db, img, old},
		PolicyFile: "deploy/nginx/badgateway.yaml", FailOn: "low",
		Notes: []string{"conf.d/old.conf.bak is included by nothing and was not read.", "brotli was loaded as a module of the distribution."},
		Supplied: []audit.Supply{
			{Kind: "name", What: "app1", With: "198.18.0.3", Place: at(3)}, {Kind: "name", What: "app2", With: "198.18.0.4", Place: at(4)},
			{Kind: "name", What: "accounts.internal", With: "198.18.0.5", Place: at(41)}, {Kind: "address", What: "10.0.3.7", With: "the lab", Place: at(9)},
			{Kind: "address", What: "10.0.3.8", Place: at(10)}, {Kind: "socket", What: "/run/php/php8.2-fpm.sock", Place: at(34)},
			{Kind: "certificate", What: "/etc/letsencrypt/live/shop.example.com/fullchain.pem", With: "made for shop.example.com", Place: at(13)},
			{Kind: "user", What: "www-data", Place: nginxconf.Place{File: "nginx.conf", Line: 1}},
		},
		Findings: []audit.Finding{
			{Rule: "no-verify", Severity: "medium", Title: "the upstream's certificate is not verified", Place: at(41), Lacks: "proxy_ssl_verify",
				Routes: []string{account.ID}, Faults: []string{"tls-expired", "tls-name"}, Saw: "200 with an expired certificate and with one for another name",
				Proof: "504 after 60 s before, 504 after 3 s with it", Patch: "proxy_ssl_verify on;\nproxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;\nproxy_ssl_server_name on;", In: "location /account/ at conf.d/shop.conf:40",
				Why: "Whoever stands between the two can read and change what they say.", Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify"},
			{Rule: "long-wait", RuleTitle: "Visitors wait long for a dead upstream", Severity: "high", Title: "visitors wait 60 s for a dead upstream", Place: at(21), Lacks: "proxy_connect_timeout",
				Routes: []string{api.ID, account.ID, auth.ID}, Faults: []string{"off", "silent"}, Saw: "504 Gateway Timeout after 60 s",
				Proof: "504 after 60 s before, 504 after 3 s with it", Patch: "proxy_connect_timeout 3s;\nproxy_read_timeout 15s;", In: "location /api/ at conf.d/shop.conf:20",
				Why: "Nobody waits a minute: visitors leave or reload, and each of them holds a connection of the gateway meanwhile.", Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout"},
			{Rule: "shows-version", Severity: "low", Title: "the error page shows the gateway's version", Place: nginxconf.Place{File: "nginx.conf", Line: 8}, Lacks: "server_tokens",
				Routes: []string{api.ID, php.ID, account.ID}, Saw: "nginx/1.26.3 at the foot of the 502 page", Proof: "504 after 60 s before, 504 after 3 s with it", Patch: "server_tokens off;", In: "http at nginx.conf:8", Why: "It tells which known holes to try."},
			{Rule: "post-repeated", Severity: "high", Title: "a POST is sent twice", Place: at(22), Routes: []string{api.ID}, Faults: []string{"dies-early"},
				Saw: "app1 and app2 both got the body", Proof: "504 after 60 s before, 504 after 3 s with it", Patch: "proxy_next_upstream error timeout;", In: "location /api/ at conf.d/shop.conf:20", Why: "Two orders are made of one.", Waived: "the API discards repeats by its idempotency key", Until: "2026-12-31"},
		},
	}
	for i := range r.Routes[0].Measurements {
		if c := &r.Routes[0].Measurements[i]; c.Fault == "off" || c.Fault == "silent" {
			c.Breaches = []string{"waited 60 s, 10 s at most allowed"}
		}
	}
	return r
}

func route(id, location string, role nginxconf.Role, protocol, pass string, place nginxconf.Place, peers ...string) audit.Route {
	r := audit.Route{
		ID: id, Listen: "*:443 ssl", Server: "shop.example.com", Location: location, Role: role, Protocol: protocol, Pass: pass, Place: place, Reached: true,
		Ask:     audit.ClientRequest{Method: "GET", URL: "https://shop.example.com/" + strings.Trim(location, "/=~^ $\\."), To: "127.0.0.1:443"},
		Healthy: audit.Outcome{Status: 200, Waited: 2 * time.Millisecond, Page: "upstream", Body: "well\n", Tries: peers[:1]},
	}
	for _, p := range peers {
		r.Endpoints = append(r.Endpoints, audit.Endpoint{Name: p, Address: p, Place: place})
	}
	return r
}

// webCell is what a gateway with nothing but defaults does.
func webCell(r *audit.Route, fault, method string) audit.Measurement {
	c := audit.Measurement{Fault: fault, Method: method}
	peer := r.Endpoints[0].Name
	set := func(status int, wait time.Duration, page, log string) {
		c.Status, c.Page, c.Version, c.Tries, c.LogFile = status, page, page == "nginx", []string{peer}, "/var/log/nginx/error.log"
		c.Waited = 2 * time.Millisecond
		if wait > 0 {
			c.NotBefore, c.Waited = wait-400*time.Millisecond, wait+500*time.Millisecond
		}
		c.Body = fmt.Sprintf("<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<hr><center>nginx/1.26.3</center>\r\n</body>\r\n</html>\r\n", status, http.StatusText(status))
		c.Header = map[string][]string{"Content-Type": {"text/html"}, "Server": {"nginx/1.26.3"}}
		c.Calls = []audit.Call{{Endpoint: peer, Protocol: r.Protocol, Method: method, URI: "/x", Host: "backend", Close: true}}
		if log != "" {
			c.Log = []gateway.LogRecord{logLine(log)}
		}
	}
	pool, socket, tls, named := len(r.Endpoints) > 1, strings.HasPrefix(peer, "unix:"), r.Protocol == "https", !strings.HasPrefix(peer, "unix:")
	switch fault {
	case "refused":
		set(502, 0, "nginx", refusedLog)
	case "off":
		set(504, time.Minute, "nginx", "upstream timed out (110: Connection timed out) while connecting to upstream")
		if socket {
			c = audit.Measurement{Fault: fault, Method: method, Skipped: "a socket is on the gateway's own machine"}
		}
	case "silent", "slow":
		set(504, time.Minute, "nginx", timeoutLog)
	case "dies-early":
		set(502, 0, "nginx", "upstream prematurely closed connection while reading response header from upstream")
		if pool && method == "POST" {
			c.Repeated = 1
		}
	case "dies-body":
		set(200, 0, "upstream", "upstream prematurely closed connection while reading upstream")
		c.Cut, c.SilentTruncation = true, true
	case "stalls-body":
		set(200, time.Minute, "upstream", "upstream timed out (110: Connection timed out) while reading upstream")
		c.Cut = true
	case "says-500":
		set(500, 0, "upstream", "")
	case "says-502":
		set(502, 0, "upstream", "")
	case "says-503":
		set(503, 0, "upstream", "")
	case "big-header":
		set(502, 0, "nginx", "upstream sent too big header while reading response header from upstream")
	case "invalid":
		set(502, 0, "nginx", "upstream sent no valid HTTP/1.0 header while reading response header from upstream")
	case "name-gone":
		c.NotStarted = `host not found in upstream "` + peer + `" in /etc/nginx/conf.d/shop.conf:3`
		if !named {
			c = audit.Measurement{Fault: fault, Method: method, Skipped: "it has no name"}
		}
	case "name-moved":
		set(504, time.Minute, "nginx", timeoutLog)
		c.NotRecovered, c.ErrorsFor = true, 10*time.Minute
		if !named {
			c = audit.Measurement{Fault: fault, Method: method, Skipped: "it has no name"}
		}
	case "one-dead":
		set(200, 0, "upstream", refusedLog)
		c.Of, c.Bad, c.Tries = 4, 0, []string{"app1:8080", "app2:8080"}
	case "one-silent":
		set(200, time.Minute, "upstream", timeoutLog)
		c.Of, c.Bad, c.Tries = 4, 1, []string{"app1:8080", "app2:8080"}
	case "tls-expired", "tls-name":
		set(200, 0, "upstream", "")
	case "plain":
		set(502, 0, "nginx", "SSL_do_handshake() failed while SSL handshaking to upstream")
	case "reuse":
		c.Error = "the lab's upstream was not asked a second time"
	case "restart":
		set(502, 0, "nginx", refusedLog)
		if pool {
			c.ErrorsFor = 10 * time.Second
		}
	}
	if strings.HasPrefix(fault, "one-") && !pool {
		c = audit.Measurement{Fault: fault, Method: method, Skipped: "it has one peer only"}
	}
	if (strings.HasPrefix(fault, "tls-") || fault == "plain") && !tls {
		c = audit.Measurement{Fault: fault, Method: method, Skipped: "the route calls its upstream without TLS"}
	}
	if r.Role == nginxconf.Auth && c.Status >= 500 {
		c.Status = 500
	}
	return c
}

func streamCell(fault string) audit.Measurement {
	c := audit.Measurement{Fault: fault, Method: "TCP", Outcome: audit.Outcome{NoAnswer: "closed", Waited: time.Millisecond}}
	switch fault {
	case "refused", "restart":
		c.Log = []gateway.LogRecord{logLine(refusedLog)}
	case "off":
		c.NotBefore, c.Waited = 59600*time.Millisecond, 60500*time.Millisecond
	case "silent":
		c.NoAnswer, c.TimedOut, c.Waited = "", true, 5*time.Minute
	case "name-gone":
		c.NotStarted = `host not found in upstream "db" in /etc/nginx/nginx.conf:40`
	case "name-moved":
		c.NotRecovered, c.ErrorsFor = true, 10*time.Minute
	default:
		c = audit.Measurement{Fault: fault, Method: "TCP", Skipped: "a stream has no header and no status"}
	}
	return c
}

func logLine(text string) gateway.LogRecord {
	l, err := nginx.ParseLog("2026/01/02 15:04:05 [error] 12#12: *3 " + text + `, client: 127.0.0.1, server: shop.example.com, request: "GET /api/ HTTP/1.1", upstream: "http://198.18.0.3:8080/api/", host: "shop.example.com"`)
	if err != nil {
		panic(err)
	}
	return l
}

// refusedSample is a config with a directive of a module that is not there.
func refusedSample() *audit.Report {
	return &audit.Report{
		Schema: audit.Schema, Config: "deploy/nginx", Main: "nginx.conf", Gateway: "nginx/1.22.1", Clock: "moved", Command: "badgateway check deploy/nginx",
		Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), Took: 400 * time.Millisecond, Verdict: audit.Refused,
		Refused: &audit.Refusal{
			Kind: "version", Message: `the parameter "resolve" of an upstream's server needs nginx 1.27.3`, Place: nginxconf.Place{File: "conf.d/shop.conf", Line: 3},
			Nginx:  `nginx: [emerg] invalid parameter "resolve" in /etc/nginx/conf.d/shop.conf:3`,
			Remedy: "check it on an nginx that has it: badgateway check --nginx 1.30 deploy/nginx",
		},
		Supplied: []audit.Supply{{Kind: "name", What: "app1", With: "198.18.0.3", Place: nginxconf.Place{File: "conf.d/shop.conf", Line: 3}}},
		Faults:   []audit.FaultInfo{}, Routes: []audit.Route{}, Findings: []audit.Finding{},
	}
}

// passedSample has nothing to object to.
func passedSample() *audit.Report {
	r := sample()
	r.Verdict, r.Findings, r.PolicyFile = audit.Passed, []audit.Finding{}, ""
	r.Routes = r.Routes[1:2]
	for i := range r.Routes[0].Measurements {
		if c := &r.Routes[0].Measurements[i]; c.Error != "" {
			*c = audit.Measurement{Fault: c.Fault, Method: c.Method, Skipped: "no connection is kept"}
		}
	}
	return r
}

// hostileText tries to break out of every form of report.
const hostileText = "</pre></style><script>alert(1)</script>\"'><img src=x onerror=alert(2)> ]]> | `x` & \x1b[31m\a\x00\u009b\u202e \xff {{.}}\r\n# 2"

// hostile is a report in which every text is that.
func hostile() *audit.Report {
	const bad = hostileText
	here := nginxconf.Place{File: bad, Line: 3}
	o := audit.Outcome{NoAnswer: bad, Tries: []string{bad}, Page: bad, Body: bad, Header: map[string][]string{bad: {bad}}, Log: []gateway.LogRecord{{Raw: bad}}, LogFile: bad,
		Calls: []audit.Call{{Endpoint: bad, Protocol: bad, SNI: bad, Method: bad, URI: bad, Host: bad}}}
	cell := audit.Measurement{Fault: bad, Method: bad, Outcome: o, Breaches: []string{bad}}
	down, skipped, lab := cell, audit.Measurement{Fault: bad, Method: "A", Skipped: bad}, audit.Measurement{Fault: bad, Method: "B", Error: bad}
	down.NotStarted = bad
	return &audit.Report{
		Schema: audit.Schema, Config: bad, Main: bad, Gateway: bad, Image: bad, Clock: bad, Command: bad, Verdict: audit.Findings, Notes: []string{bad},
		Supplied: []audit.Supply{{Kind: bad, What: bad, With: bad, Place: here}}, PolicyFile: bad,
		Faults: []audit.FaultInfo{{ID: bad, Title: bad, Claim: bad, Causes: []string{bad}, Scenario: bad}},
		Routes: []audit.Route{
			{ID: bad, Listen: bad, Server: bad, Location: bad, Role: bad, Protocol: bad, Pass: bad, Place: here, Endpoints: []audit.Endpoint{{Name: bad, Address: bad, Place: here}},
				Reached: true, Ask: audit.ClientRequest{Method: bad, URL: bad, To: bad, Requires: bad, Header: map[string]string{bad: bad}}, Healthy: o, Measurements: []audit.Measurement{cell, down, skipped, lab}},
			{ID: bad + "2", Why: bad},
		},
		Findings: []audit.Finding{{Rule: bad, Severity: bad, Title: bad, Place: here, Lacks: bad, Routes: []string{bad}, Faults: []string{bad}, Saw: bad, Proof: "504 after 60 s before, 504 after 3 s with it", Patch: bad, In: bad, Why: bad, Source: "javascript:alert(3)//" + bad},
			{Rule: bad, Title: bad, Place: here, Routes: []string{bad}, Waived: bad, Until: bad}},
	}
}
