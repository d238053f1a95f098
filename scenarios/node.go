package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	nodeErrors = "https://nodejs.org/api/errors.html"
	nodeHTTP   = "https://nodejs.org/api/http.html"
	nodeCLI    = "https://nodejs.org/api/cli.html"
)

// onNode is an application on Node.js, one process that does all in one thread.
var onNode = []scenario.Scenario{
	nodeModuleMissing(), nodeSyntaxError(), nodePortTaken(), nodeThrows(), nodeWrongPort(), nodeLocalhost(),
	nodeKeepAlive(), nodeServerTimeout(), nodeRequestTimeout(), nodeHeapLimit(), nodeOOM(), nodeBusy(),
	nodeEarlyHints(),
}

// node is Node.js on a host of its own, with a script of the folder node.
func node(script string, options ...string) backend.Node {
	return backend.Node{Name: "app", Listen: appAddress, App: text("node/" + script), Options: options}
}

// nodeBecomes is a variant on Node.js that is restarted with another script.
func nodeBecomes(script string, options ...string) scenario.Variant {
	return onReal(node("well.js").Upstream(), fault.Replace{Upstream: node(script, options...).Upstream()})
}

// nodeGivesUp is a variant on Node.js that is restarted and does not come up.
func nodeGivesUp(script, says string) scenario.Variant {
	v := onReal(node("well.js").Upstream(), fault.FailToStart{Upstream: node(script).Upstream(), Says: says})
	v.UpstreamLog = says
	return v
}

func nodeModuleMissing() scenario.Scenario {
	return scenario.Scenario{
		ID: "node-module-missing",
		Claim: "The application needs a module that is not installed: Node.js ends before it listens, nothing answers on its port, " +
			"and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Node.js is restarted with a script that requires a module which is not installed",
		Variants: []scenario.Variant{nodeGivesUp("module-missing.js", "Error: Cannot find module 'stripe-billing'"), onFakeApp(stop)},
		Expect:   refused,
		Confirm:  "journalctl -u APP | grep 'Cannot find module' names it; ss -ltn 'sport = :8080' shows no listener.",
		Remedy:   "npm ci in the folder of the application, as the user and with the Node.js that run it; then systemctl restart APP.",
		Source:   nodeErrors + "#module_not_found",
	}
}

func nodeSyntaxError() scenario.Scenario {
	return scenario.Scenario{
		ID:     "node-syntax-error",
		Claim:  "The script can't be parsed: Node.js ends before it listens, nothing answers on its port, and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1", "E1"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Node.js is restarted with a script in which a bracket is missing",
		Variants: []scenario.Variant{nodeGivesUp("syntax-error.js", "SyntaxError: missing ) after argument list"), onFakeApp(stop)},
		Expect:   refused,
		Confirm:  "node --check app.js names the file and the line.",
		Remedy:   "Deploy the version before, or mend that line, and systemctl restart APP. Let node --check run before a deploy.",
		Source:   nodeCLI + "#-c---check",
	}
}

func nodePortTaken() scenario.Scenario {
	everywhere := node("well.js")
	everywhere.Listen = "0.0.0.0:8080"
	other := fault.Replace{Upstream: lab.Upstream{Name: "other", Fake: &fakeupstream.Spec{Listen: "127.0.0.1:8080"}}}
	onNode := onReal(node("well.js").Upstream(), stop, other, fault.FailToStart{Upstream: everywhere.Upstream(), Says: "EADDRINUSE"})
	onNode.UpstreamLog = "Error: listen EADDRINUSE: address already in use 0.0.0.0:8080"
	return scenario.Scenario{
		ID: "node-port-taken",
		Claim: "Another program has the port on one of the host's addresses, here on the loopback: Node.js can't listen on all of them, and ends. " +
			"curl on the host is answered, by the other one, and nginx is refused: 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Node.js is restarted while another program listens on 127.0.0.1:8080",
		Variants: []scenario.Variant{onNode, onFakeApp(stop)},
		Expect:   refused,
		Confirm:  "ss -ltnp 'sport = :8080' on the application's host names who listens, and where; the application's log has EADDRINUSE.",
		Remedy:   "End the other one (a copy of the application, often, started by hand), or give it another port; then systemctl restart APP.",
		Source:   nodeErrors + "#common-system-errors",
	}
}

func nodeThrows() scenario.Scenario {
	ordered := fault.OtherRequest{Request: lab.Request{Path: "/order"}, Status: 502}
	ends := fault.End{Upstream: "app", Says: "TypeError: Cannot read properties of undefined"}
	return scenario.Scenario{
		ID: "node-throws",
		Claim: "One visitor's request runs into an error that nobody catches: Node.js ends, and all of the application with it. He gets 502, and so does " +
			"everybody else, until something starts it again.",
		Family: "code", Causes: []string{"E1", "A1"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "another visitor's request made Node.js throw an error that nothing catches",
		Variants: []scenario.Variant{onReal(node("throws.js").Upstream(), ordered, ends), onFakeApp(stop)},
		Expect:   refused,
		Confirm:  "journalctl -u APP has the error with its stack, and then that the process has ended.",
		Remedy: "systemctl start APP, and Restart=always in its unit (or a process manager), so that it comes back by itself; " +
			"and catch the error where the stack says.",
		Source: "https://nodejs.org/api/process.html#event-uncaughtexception",
	}
}

func nodeWrongPort() scenario.Scenario {
	moved := node("well.js")
	moved.Listen = "10.0.0.5:3000"
	called := []fault.Fault{fault.Config{Conf: changed("proxy.conf", appAddress, moved.Listen)}}
	onNode := onReal(node("well.js").Upstream(), fault.Replace{Upstream: moved.Upstream()})
	onFake := onFakeApp(fault.Replace{Upstream: lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: moved.Listen}}})
	return scenario.Scenario{
		ID: "node-wrong-port",
		Claim: "Node.js listens on its own default, 3000, as nobody told it the port that nginx calls: the connection is refused, and nginx " +
			"answers 502 at once.",
		Family: "service", Causes: []string{"A2"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Node.js listens on port 3000, nginx calls 8080",
		Variants: withRemedy([]scenario.Variant{onNode, onFake}, called...),
		Expect:   refused,
		Confirm:  "ss -ltnp | grep node shows the port that it listens on; the error log's field upstream: shows the one that nginx calls.",
		Remedy:   "proxy_pass http://10.0.0.5:3000; and systemctl reload nginx, or PORT=8080 in the environment of the application's unit.",
		Source:   nodeHTTP + "#serverlisten",
	}
}

func nodeLocalhost() scenario.Scenario {
	four, name := node("well.js"), node("well.js")
	four.Listen = "127.0.0.1:8080"
	name.Listen, name.Host = "[::1]:8080", "localhost"
	gateway := onNginx("proxy.conf")
	gateway.Config = changed("proxy.conf", appAddress, four.Listen)
	fake := func(listen string) lab.Upstream {
		return lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: listen}}
	}
	return scenario.Scenario{
		ID: "node-localhost",
		Claim: "Node.js from 17 on takes localhost for what the resolver names first, ::1 where the machine has it, and listens on that alone: " +
			"nginx calls 127.0.0.1, is refused, and answers 502 at once.",
		Family: "service", Causes: []string{"A3"},
		Gateway: gateway,
		Fault:   "the application listens on localhost, nginx calls 127.0.0.1",
		Variants: []scenario.Variant{
			onReal(four.Upstream(), fault.Replace{Upstream: name.Upstream()}),
			{Kind: scenario.Fake, Upstreams: []lab.Upstream{fake(four.Listen)}, Inject: []fault.Fault{fault.Replace{Upstream: fake(name.Listen)}}},
		},
		Expect:  refused,
		Confirm: "ss -ltn 'sport = :8080' shows [::1]:8080 alone; curl http://127.0.0.1:8080/ is refused.",
		Remedy:  "server.listen(8080, '127.0.0.1') in the application, or proxy_pass http://[::1]:8080; in nginx.",
		Source:  "https://nodejs.org/api/dns.html#dnssetdefaultresultorderorder",
	}
}

func nodeKeepAlive() scenario.Scenario {
	// The request comes while Node does nothing else, and the limit of 5 s passes meanwhile. After the first second it has done all
	// that there was to do.
	late := []fault.Fault{
		fault.ConcurrentRequests{Clients: 1, WaitFor: lab.RequestAt("app")}, fault.Wait{For: time.Second, ByHand: true},
		fault.Signal{Upstream: "app", Number: sigstop}, fault.Wait{For: 5 * time.Second, ByHand: true},
	}
	onNode := onReal(node("well.js").Upstream(), late...)
	onNode.WaitFor = []lab.Condition{lab.ConnectionAt("app")}
	onNode.InjectInFlight = []fault.Fault{fault.Signal{Upstream: "app", Number: sigcont}}
	onNode.Remedy = append([]fault.Fault{fault.Replace{Upstream: node("kept-longer.js").Upstream()}}, late...)
	onNode.RemedyToleratesFault = true
	return scenario.Scenario{
		ID: "node-keepalive",
		Claim: "Node.js closes a connection that was idle for 5 s (keepAliveTimeout) also when a request has just come over it, which it has not " +
			"seen yet, being busy: nginx keeps connections for 60 s, loses that one, and answers a POST with 502.",
		Family: "answer", Causes: []string{"I3"},
		Gateway:  onNginx("proxy-keepalive.conf"),
		Ask:      lab.Request{Method: "POST", Path: "/", Body: "order"},
		Fault:    "Node.js is busy while its limit on idle connections passes, and a request comes over one meanwhile",
		Variants: []scenario.Variant{onNode},
		Alone:    "it is about what Node.js itself does; a fake that closes a kept connection is in kept-connection-post",
		Expect:   badGateway("recv() failed", 104, readingHeader),
		Confirm:  "The errors are of kept connections only, and of few requests: 502 of POST in the access log, while GETs are tried again.",
		Remedy: "server.keepAliveTimeout = 75000; in the application: longer than nginx keeps connections (keepalive_timeout in the upstream block, " +
			"60s), so that it is nginx that closes them.",
		Source: nodeHTTP + "#serverkeepalivetimeout",
	}
}

func nodeServerTimeout() scenario.Scenario {
	const limit, needed = 20 * time.Second, 30 * time.Second
	limited := node("calls-api.js")
	limited.App = changedIn("node/calls-api.js", "server.setTimeout(0)", "server.setTimeout(20000)")
	onNode := onRealWithAPI(limited.Upstream(), slowAPI(needed))
	onNode.Remedy = []fault.Fault{fault.Replace{Upstream: node("calls-api.js").Upstream()}}
	onNode.RemedyTakes = needed

	onFake := givesUp(fakeBecomes(fakeupstream.Delay{For: limit, At: fakeupstream.AtRequest, Then: fakeupstream.Close{}}), needed)
	return scenario.Scenario{
		ID: "node-server-timeout",
		Claim: "Node.js closes a connection on which nothing moved for server.timeout, though it still works on the answer, and logs nothing: nginx, " +
			"which would have waited 60 s, answers 502, not 504.",
		Family: "time", Causes: []string{"B4"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "a service that the page calls takes 30 s, and server.setTimeout is 20 s",
		Variants: []scenario.Variant{onNode, onFake},
		Expect:   after(limit, badGateway(prematureClosed, 0, readingHeader)),
		Confirm:  "grep -rn 'setTimeout(' in the application shows server.setTimeout or server.timeout; the 502s all took just that long.",
		Remedy:   "server.setTimeout(0), its default since Node.js 13, and a limit of its own on each call that the page makes.",
		Source:   nodeHTTP + "#serversettimeoutmsecs-callback",
	}
}

// nodeRequestTimeout is Node's limit on a request. Of its limit on the header alone, headersTimeout, there is no scenario: nginx calls with a
// header only when it has all of it.
func nodeRequestTimeout() scenario.Scenario {
	// Node.js looks at its limits every connectionsCheckingInterval, a second here and 30 by default.
	const limit, latest = 20 * time.Second, 21 * time.Second
	upload, stalls := stallingUpload()
	onNode := waitingFor(lab.RequestAt("app"), onReal(node("upload.js").Upstream()))
	onFake := waitingFor(lab.ConnectionAt("app"), fakeBecomes(
		fakeupstream.Delay{For: limit, Then: fakeupstream.EarlyAnswer{Answer: fakeupstream.Well{Status: 408}}},
	))
	return scenario.Scenario{
		ID: "node-request-timeout",
		Claim: "A visitor's upload stalls, and nginx passes it on as it comes: Node.js gives a request server.requestTimeout to come in whole (300 s by " +
			"default, here 20), and nginx passes its 408 on and logs nothing. It is no 502.",
		Family: "time", Causes: []string{"B4", "B6", "J6"},
		Gateway: onNginx("proxy-unbuffered.conf"),
		Ask:     upload, AskInstead: &stalls,
		Fault:    "the visitor stops in the middle of his upload",
		Variants: []scenario.Variant{onNode, onFake},
		Expect:   scenario.Expectation{Status: 408, Tries: 1, After: limit, Until: latest},
		Confirm: "$upstream_status in the access log is 408, and $request_time is just over server.requestTimeout; the application's own log has nothing, as " +
			"its code never runs with such a request in full.",
		Remedy: "Leave proxy_request_buffering on, its default: Node.js then gets the upload as fast as nginx can send it, and a visitor who stalls is nginx's " +
			"own affair (client_body_timeout, 60s). For large uploads that are passed on as they come: http.createServer({requestTimeout: 3600000}).",
		Source: nodeHTTP + "#serverrequesttimeout",
	}
}

func nodeHeapLimit() scenario.Scenario {
	onNode := nodeBecomes("leaks.js", "--max-old-space-size=32")
	onNode.UpstreamLog = "JavaScript heap out of memory"
	onNode.InjectInFlight = []fault.Fault{fault.End{Upstream: "app"}}
	return scenario.Scenario{
		ID: "node-heap-limit",
		Claim: "The heap has reached Node's own limit (--max-old-space-size): Node.js aborts, the connections of all visitors close, and nginx " +
			"answers 502, though the machine has memory left.",
		Family: "memory", Causes: []string{"C2"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the page keeps all objects that it makes, and the heap may have 32 MB",
		Variants: []scenario.Variant{onNode, fakeBecomes(fakeupstream.Close{At: fakeupstream.AtRequest})},
		// It collects garbage over and over before it gives up.
		Expect:  scenario.Expectation{Status: 502, Tries: 1, Until: 30 * time.Second, Log: badGateway(prematureClosed, 0, readingHeader).Log},
		Confirm: "journalctl -u APP | grep 'heap out of memory'; journalctl -k has no killed process at that second.",
		Remedy: "Find what keeps them (node --heapsnapshot-near-heap-limit=1); --max-old-space-size helps only where the application needs " +
			"that much.",
		Source: nodeCLI + "#--max-old-space-sizesize-in-megabytes",
	}
}

func nodeOOM() scenario.Scenario {
	well, reads := node("well.js"), node("reads-all.js")
	well.Memory, reads.Memory = 128<<20, 128<<20
	onNode := onReal(well.Upstream(), fault.Replace{Upstream: reads.Upstream()})
	onNode.InjectInFlight = []fault.Fault{fault.End{Upstream: "app"}}
	return scenario.Scenario{
		ID: "node-oom",
		Claim: "Buffers are no part of Node's heap, so that its limit does not stop them: the kernel kills the whole application with SIGKILL, its " +
			"log says nothing, and nginx answers 502.",
		Family: "memory", Causes: []string{"C2"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the page reads more into buffers than the container has memory",
		Variants: []scenario.Variant{onNode, fakeBecomes(fakeupstream.Close{At: fakeupstream.AtRequest})},
		// The kernel first takes back what memory it can, again and again: on a busy disk that has taken 5 s.
		Expect:  scenario.Expectation{Status: 502, Tries: 1, Until: 30 * time.Second, Log: badGateway(prematureClosed, 0, readingHeader).Log},
		Confirm: "journalctl -k | grep -i 'killed process' names node; docker inspect -f '{{.State.OOMKilled}}' CONTAINER says true.",
		Remedy:  "Let the page stream what it reads (pipe), in place of reading all of it; and give the container room for the heap and the buffers.",
		Source:  "https://docs.kernel.org/admin-guide/mm/concepts.html",
	}
}

func nodeBusy() scenario.Scenario {
	one := fault.ConcurrentRequests{Clients: 1, Request: lab.Request{Path: "/report"}, WaitFor: lab.RequestAt("app")}
	onNode := onReal(node("report.js").Upstream(), one)
	onNode.WaitFor = []lab.Condition{lab.ConnectionAt("app")}
	onNode.Remedy = []fault.Fault{fault.Replace{Upstream: node("report-async.js").Upstream()}, one}

	onFake := waitingFor(lab.ConnectionAt("app"), fakeBecomes(fakeupstream.Silent{At: fakeupstream.AtAccept}))
	return scenario.Scenario{
		ID: "node-busy",
		Claim: "One visitor's page calls another program and waits for its end (execFileSync): Node.js has one thread for all, nobody else's request " +
			"is even read, and nginx gives up after proxy_read_timeout with 504, even for a page that is quick.",
		Family: "overload", Causes: []string{"D4"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "another visitor's page waits for a program that takes minutes, and all others with it",
		Variants: []scenario.Variant{onNode, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm:  "ss -ltn 'sport = :8080' shows a Recv-Q above 0, and strace -p PID of node that it waits, for something else than its connections.",
		Remedy: "execFile in place of execFileSync, and its like for all that ends in Sync; what computes itself goes to a thread of its own " +
			"(worker_threads).",
		Source: "https://nodejs.org/en/learn/asynchronous-work/dont-block-the-event-loop",
	}
}

// nodeEarlyHints is asked over a connection that the gateway closes: over one that it keeps, a client waits for the end of an answer whose
// length nobody has told it.
func nodeEarlyHints() scenario.Scenario {
	return scenario.Scenario{
		ID: "node-early-hints",
		Claim: "The application sends 103 Early Hints before its answer: nginx takes that for the answer and the rest for its body. The access log " +
			"says 103, and over a kept connection a visitor can't tell where the page ends, until that is closed.",
		Family: "answer", Causes: []string{"E5"},
		Gateway: onNginx("proxy.conf"), Ask: lab.Request{Header: map[string][]string{"Connection": {"close"}}},
		Fault: "a new version of the application sends 103 Early Hints before each answer",
		Variants: []scenario.Variant{
			nodeBecomes("early-hints.js"),
			fakeBecomes(fakeupstream.Interim{Headers: []string{"Link: </style.css>; rel=preload; as=style"}}),
		},
		Expect: scenario.Expectation{Status: 200, Tries: 1, Access: `"GET / HTTP/1.1" 103 `},
		Exceptions: []scenario.Exception{{
			From: "1.29.0", Why: "From 1.29.0 on nginx knows 103: it drops it, or passes it on before the answer with early_hints.",
			Expect: scenario.Expectation{Status: 200, Tries: 1, Access: `"GET / HTTP/1.1" 200 `},
		}},
		Confirm: "curl -si --http1.0 http://10.0.0.5:8080/ on the gateway begins with HTTP/1.1 103, and the answer follows.",
		Remedy:  "Let the application send no 103 behind this nginx (res.writeEarlyHints), or take nginx 1.29 or later with early_hints.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_core_module.html#early_hints",
	}
}
