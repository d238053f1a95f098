package scenarios

import (
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// download is a large answer, of which 9 KB come at once. Not 8: where what has come fills its buffers of 4 KB to the
// last byte, nginx 1.22 stops its read timer, and waits for ever.
var (
	download        = lab.Request{Path: "/download"}
	downloadFile    = lab.File{Path: "/var/www/large.bin", Data: strings.Repeat("0123456789abcdef", 16<<10)}
	dripFile        = lab.File{Path: "/var/www/small.bin", Data: strings.Repeat("0123456789", 1180)}
	downloadHealthy = fakeupstream.Well{BodySize: 256 << 10}
)

// upload is a request whose body no socket's buffer holds.
var upload = lab.Request{Method: "POST", Path: "/upload", Body: strings.Repeat("x", 1<<10), BodyTimes: 6 << 10}

// body is what goes wrong once the status has been sent, or while the request is being sent.
var body = []scenario.Scenario{
	{
		ID: "body-cut", Row: "body-cut",
		Claim: "The application dies in the middle of the body: the status was sent long ago, so the visitor has a 200 whose " +
			"body ends too soon, and the access log says 200.",
		Family: "answer", Causes: []string{"I1"}, Gateway: onNginx("proxy.conf"),
		Ask:      download,
		Fault:    "the application ends while it sends a large body",
		Variants: stagedCut.variants,
		Expect:   cutWith(prematureClosed, 0),
		Confirm:  "curl -o /dev/null http://GATEWAY/PATH ends with curl: (18) transfer closed with outstanding read data remaining.",
		Remedy:   whoEnded + monitorLengths,
		Source:   messageLength,
	},
	{
		ID: "body-reset",
		Claim: "A firewall or load balancer resets the connection in the middle of the body: a 200 that is cut, and 104 in " +
			"the log.",
		Family: "answer", Causes: []string{"I1", "D5"}, Gateway: onNginx("proxy.conf"),
		Ask:   download,
		Fault: "a firewall resets the connection while a large body is sent",
		Variants: []scenario.Variant{
			// The reset comes with the next piece of the body.
			sends(downloadFile, fault.Reject{To: appAddress, With: "tcp-reset"}, fault.Wait{For: 2 * time.Second}),
			fakeBecomes(fakeupstream.Reset{At: fakeupstream.AtBody, After: 9 << 10, Answer: downloadHealthy}),
		},
		Expect: cutWith("failed", 104),
		Confirm: "tcpdump -ni any 'tcp port 8080 and tcp[tcpflags] & tcp-rst != 0' on both hosts: an RST that one of them sees " +
			"and the other never sent comes from between.",
		Remedy: "Raise the limit of what resets (idle time, bytes, connections per address).",
		Source: messageLength,
	},
	{
		ID: "body-stalls", Row: "body-stalls",
		Claim: "The application stops in the middle of the body: after proxy_read_timeout, 60 s by default, nginx gives up, " +
			"and the visitor has a 200 that is cut, not a 504.",
		Family: "answer", Causes: []string{"B6"}, Gateway: onNginx("proxy.conf"),
		Ask:      download,
		Fault:    "the application hangs while it sends a large body",
		Variants: stagedStalls.variants,
		Expect:   stalled(),
		Confirm:  "The access log has 200 with a request_time of just over 60 and fewer bytes than the file has.",
		Remedy:   "See what the application waits for in mid-answer (a slow query that it streams, a lock).",
		Source:   readTimeout,
	},
	stallsAtBuffer(), stallsUnbuffered(),
	{
		ID: "body-drips",
		Claim: "An answer that takes two minutes in small pieces is whole: proxy_read_timeout counts from one read to the " +
			"next, not over the answer.",
		Family: "answer", Causes: []string{"B6"}, Gateway: onNginx("proxy.conf"),
		Ask:   lab.Request{Path: "/drip"},
		Fault: "the application sends 100 bytes a second",
		Variants: []scenario.Variant{
			// Each piece comes before the next 60 s are over.
			sends(dripFile, dripWaits...),
			dripping(),
		},
		Expect:  scenario.Expectation{Status: 200, Tries: 1, After: 2 * time.Minute},
		Confirm: "The access log has 200, the full length, and a request_time above proxy_read_timeout.",
		Remedy:  "Nothing is broken at the gateway. A limit on the whole answer has to be the application's own.",
		Source:  readTimeout,
	},
	{
		ID: "body-bad-chunk", Row: "bad-chunk",
		Claim: "The application calls its body chunked and it is not (a Transfer-Encoding header set by hand): nginx closes " +
			"the visitor's connection without a byte, and its access log says 200.",
		Family: "answer", Causes: []string{"E5"}, Gateway: onNginx("proxy.conf"),
		Ask:      lab.Request{Path: "/bad-chunk"},
		Fault:    "the body is not chunked, as its header says it is",
		Variants: appBecomes("origin-ill.conf", fakeupstream.BadChunk{Fault: fakeupstream.ChunkSize}, indexPage("ok\n")),
		Expect: scenario.Expectation{NoAnswer: "closed", Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Text: "upstream sent invalid chunked response", Phase: readingBody},
		}},
		Confirm: "On the gateway: curl --raw -s http://10.0.0.5:8080/PATH | head -c 20 | xxd does not begin with a length in hex.",
		Remedy:  "Remove the Transfer-Encoding header from the application's code: its server sets it where it is due.",
		Source:  "https://www.rfc-editor.org/rfc/rfc9112#section-7.1",
	},
	{
		ID: "two-lengths", Row: "two-lengths",
		Claim: "The application sends Content-Length twice. nginx up to 1.22 takes the answer as good; from 1.23 on it is a " +
			"502 (upstream sent duplicate header line), so that an upgrade of nginx breaks the site.",
		Family: "answer", Causes: []string{"E5"}, Gateway: onNginx("proxy.conf"),
		Ask:      lab.Request{Path: "/two-lengths"},
		Fault:    "the application sends Content-Length twice",
		Variants: stagedTwoLengths.variants,
		Expect:   scenario.Expectation{Status: 200, Tries: 1},
		Exceptions: []scenario.Exception{{
			From: "1.23.0", Why: "nginx refuses a header that may stand once and comes twice since 1.23.0.",
			Expect: badGateway("upstream sent duplicate header line", 0, readingHeader),
		}},
		Confirm: "On the gateway: curl -s -o /dev/null -D - http://10.0.0.5:8080/PATH | grep -ci content-length prints 2.",
		Remedy:  "Do not set Content-Length in the application's code: its server does.",
		Source:  "https://nginx.org/en/CHANGES",
	},
	{
		ID: "upload-broken",
		Claim: "The application dies while the gateway still sends it an upload: 502, logged as 104 while reading the " +
			"response header, as if all of the request had been sent.",
		Family: "answer", Causes: []string{"I1"}, Gateway: onNginx("proxy-upload.conf"),
		Ask:   upload,
		Fault: "the application ends while it is sent a large body",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")}, WaitFor: []lab.Condition{lab.ConnectionAt("app")},
				Inject: []fault.Fault{fault.Freeze{Upstream: "app"}}, InjectInFlight: []fault.Fault{stop},
				Remedy: []fault.Fault{fault.Start{Upstream: "app"}},
			},
			{
				Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeApp()}, WaitFor: []lab.Condition{lab.ConnectionAt("app")},
				Inject:         fakeBecomes(fakeupstream.Silent{At: fakeupstream.AtAccept}).Inject,
				InjectInFlight: []fault.Fault{stop}, Remedy: []fault.Fault{fault.Start{Upstream: "app"}},
			},
		},
		Expect:  badGateway("recv() failed", 104, readingHeader),
		Confirm: "The application's log: a restart or a crash at that second, and no line for the request.",
		Remedy:  whoEnded + " An upload that is held in memory is a common cause, and a deploy that does not wait for running requests.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_request_buffering",
	},
	{
		ID: "upload-refused",
		Claim: "The application refuses an upload as too large before it has read it: its 413 is passed on, and nginx logs " +
			"nothing of it. The gateway's own limit was not reached.",
		Family: "answer", Causes: []string{"J6"}, Gateway: onNginx("proxy-upload.conf"),
		Ask:      lab.Request{Method: "POST", Path: "/upload", Body: strings.Repeat("x", 12<<10)},
		Fault:    "the application takes bodies of up to 8 KB",
		Variants: appBecomes("origin-ill.conf", fakeupstream.EarlyAnswer{}),
		Expect:   scenario.Expectation{Status: 413, Tries: 1},
		Confirm:  "The access log has an upstream_status of 413; where nginx itself refuses, it is -.",
		Remedy:   "Raise the application's limit as well (express.json({limit}), Apache's LimitRequestBody, its own client_max_body_size).",
		Source:   "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size",
	},
	reused("get", lab.Request{Path: "/reused"}, scenario.Expectation{Status: 200, Tries: 2, Log: []scenario.LogLine{
		{Level: "error", Text: prematureClosed, Phase: readingHeader},
	}}, "a GET is sent once more over a new connection, and answered 200, with an error in the log"),
	reusedForPost(),
}

func reusedForPost() scenario.Scenario {
	s := reused("post", lab.Request{Method: "POST", Path: "/reused", Body: "order=1"}, badGateway(prematureClosed, 0, readingHeader),
		"a POST may have been carried out already, so it is not repeated: 502")
	s.Then = &scenario.Sequel{
		Each: []scenario.Expectation{{Status: 200, Tries: 1}}, Cycles: true,
		Why: "the 502 has cost the kept connection, and the 200 over a new one leaves one to be reused",
	}
	return s
}

// cutWith is a 200 that is cut, for a reason that the log names.
func cutWith(text string, errno int) scenario.Expectation {
	return scenario.Expectation{Status: 200, Cut: true, Tries: 1, Log: []scenario.LogLine{
		{Level: "error", Text: text, Errno: errno, Phase: readingBody},
	}}
}

// stalled is what follows where a body stalls and nginx gives up.
func stalled() scenario.Expectation { return afterMinute(cutWith("upstream timed out", 110)) }

// sends is the real application that sends a file slowly, and what happens meanwhile.
func sends(file lab.File, strike ...fault.Fault) scenario.Variant {
	return scenario.Variant{
		Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")},
		Inject:  []fault.Fault{fault.Replace{Upstream: origin("origin-ill.conf", file)}},
		WaitFor: []lab.Condition{lab.RequestAt("app")}, InjectInFlight: strike,
	}
}

// dripWaits let two of the three pauses of the fake pass; the third is over when the answer is due.
var dripWaits = []fault.Fault{fault.Wait{For: 40 * time.Second}, fault.Wait{For: 40 * time.Second}}

// dripping is the fake application that sends as much in four pieces, over two minutes.
func dripping() scenario.Variant {
	v := waitingFor(lab.RequestAt("app"), fakeBecomes(fakeupstream.Drip{
		Bytes: len(dripFile.Data) / 4, Every: 40 * time.Second, From: fakeupstream.AtBody, Answer: fakeupstream.Well{Body: dripFile.Data},
	}))
	v.InjectInFlight = dripWaits
	return v
}

// waitingFor is the variant whose request has to have come so far before the clock is moved.
func waitingFor(until lab.Condition, v scenario.Variant) scenario.Variant {
	v.WaitFor = []lab.Condition{until}
	return v
}

// reused is the application that closes a kept connection just as the gateway uses it again.
func reused(method string, ask lab.Request, expect scenario.Expectation, then string) scenario.Scenario {
	variants := appBecomes("origin-ill.conf", fakeupstream.CloseReused{})
	for i := range variants {
		variants[i].Inject = append(variants[i].Inject, fault.OtherRequest{Request: lab.Request{Path: "/reused"}, Status: 200})
	}
	return scenario.Scenario{
		ID:     "kept-connection-" + method,
		Claim:  "The application closes an idle kept connection in the moment in which the gateway uses it again: " + then + ".",
		Family: "answer", Causes: []string{"I3"}, Gateway: onNginx("proxy-keepalive.conf"),
		Ask:      ask,
		Fault:    "the application closes a kept connection as the next request comes over it",
		Variants: variants,
		Expect:   expect,
		Confirm: "The application's idle limit (Node.js: server.keepAliveTimeout, 5 s; Gunicorn: keepalive, 2 s) is shorter than " +
			"nginx's keepalive_timeout in the upstream block, 60 s by default.",
		Remedy: "keepalive_timeout in the upstream block below the application's (4s for Node.js, 1s for Gunicorn), or a longer one " +
			"in the application: the gateway has to close first.",
		Source: proxyKeepalive,
	}
}

// atBuffer is an answer that stalls after exactly two of nginx's buffers, 4 KB each, header and all.
func atBuffer() []scenario.Variant {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n"
	return []scenario.Variant{
		waitingFor(lab.AnswerFrom("app"), nodeBecomes("stalls-at-buffer.js")),
		waitingFor(lab.AnswerFrom("app"), fakeBecomes(fakeupstream.Raw{Text: head + strings.Repeat("x", 2*4096-len(head)), End: fakeupstream.EndStall})),
	}
}

func stallsAtBuffer() scenario.Scenario {
	return scenario.Scenario{
		ID: "body-stalls-at-buffer",
		Claim: "The application stops in the middle of the body, after exactly as many bytes as fill nginx's buffers: nginx 1.18 and 1.22 then wait for ever, as " +
			"they set no timer for the next read. The visitor has a 200 that never ends, proxy_read_timeout or not, and nothing is logged.",
		Family: "answer", Causes: []string{"B6"}, Gateway: onNginx("proxy.conf"),
		Fault:  "the application hangs after 8192 bytes of its answer, header and all, which are two buffers, and the visitor leaves after ten minutes",
		Leaves: true, Variants: atBuffer(),
		Expect: scenario.Expectation{Status: 200, Cut: true, Tries: 1, After: 10 * time.Minute}, // then he leaves
		Exceptions: []scenario.Exception{{
			From: "1.26.0", Why: "nginx 1.26 and 1.30 keep to the limit here, as measured; 1.18 and 1.22 do not.", Expect: stalled(),
		}},
		Confirm: "The access log has 200 with a request_time of many minutes and a length that is, with the header's, a multiple of 4096.",
		Remedy:  "See what the application waits for in mid-answer. proxy_buffering off (body-stalls-unbuffered) and a newer nginx keep to the limit.",
		Source:  readTimeout,
	}
}

func stallsUnbuffered() scenario.Scenario {
	return scenario.Scenario{
		ID:     "body-stalls-unbuffered",
		Claim:  "With proxy_buffering off, an answer that stops after exactly two buffers is cut after proxy_read_timeout, in every nginx.",
		Family: "answer", Causes: []string{"B6"}, Gateway: nginxWith("proxy.conf", "listen 80;", "listen 80;\n        proxy_buffering off;"),
		Fault:    "the application hangs after 8192 bytes of its answer, header and all",
		Variants: atBuffer(),
		Expect:   stalled(),
		Confirm:  "The access log has 200 with a request_time of just over 60 and fewer bytes than were announced.",
		Remedy:   "See what the application waits for in mid-answer (a slow query that it streams, a lock).",
		Source:   "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
	}
}
