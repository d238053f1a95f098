package scenarios

import (
	"cmp"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// A staged fault is one that is made in the same way behind every gateway: what differs is what the gateway makes of it.
type staged struct {
	name     string // the row; the scenarios are called after their gateway and it: "haproxy-" and "refused"
	family   string
	causes   []string
	ask      lab.Request
	fault    string
	variants []scenario.Variant
	confirm  string
	remedy   string
	source   string
}

// A reaction is what a gateway makes of a fault.
type reaction struct {
	claim  string
	expect scenario.Expectation
	then   *scenario.Sequel
	// remedy is what mends it at this gateway; the fault's own where it is empty. With change, it is that change of the gateway's
	// config: old, and what comes in its place.
	remedy string
	change []string
	// takes is how long the visitor waits then.
	takes time.Duration
	// rests is how long the gateway leaves the application alone after it failed.
	rests  time.Duration
	source string
}

// behind is the scenario of the fault behind a gateway.
func (f staged) behind(g lab.Gateway, r reaction) scenario.Scenario {
	s := scenario.Scenario{
		ID: g.Driver.Name + "-" + f.name, Row: f.name, Claim: r.claim, Family: f.family, Causes: f.causes, Gateway: g, Ask: f.ask,
		Fault: f.fault, Expect: r.expect, Then: r.then, Confirm: f.confirm, Remedy: cmp.Or(r.remedy, f.remedy), Source: cmp.Or(r.source, f.source),
	}
	for _, v := range f.variants {
		if r.change != nil {
			v.Remedy = []fault.Fault{fault.Config{Conf: strings.NewReplacer(r.change...).Replace(g.Config)}}
			v.RemedyTakes = r.takes
		}
		if r.rests > 0 {
			v.Remedy = []fault.Fault{fault.Undone{}, fault.Wait{For: r.rests}}
		}
		s.Variants = append(s.Variants, v)
	}
	return s
}

// whoEnded is where to look next when an application ends in the middle of a request.
const whoEnded = "Find who ended it in that second: journalctl -u APP (exit status or signal), dmesg -T | grep -iE 'killed process|segfault', the " +
	"application server's log (WORKER TIMEOUT, HARAKIRI, an uncaught exception), pm2 describe APP or kubectl describe pod (Last State, restarts)."

// monitorLengths goes with it where the status was sent before.
const monitorLengths = " Let monitoring compare lengths, and not the status alone."

// appHangs are the variants whose application hangs.
var appHangs = []scenario.Variant{
	{
		Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")}, WaitFor: []lab.Condition{lab.ConnectionAt("app")},
		Inject: []fault.Fault{fault.Freeze{Upstream: "app"}},
	},
	waitingFor(lab.RequestAt("app"), fakeBecomes(fakeupstream.Silent{})),
}

// The faults that are staged behind every gateway.
var (
	stagedRefused = staged{
		name: "refused", family: "answer", causes: []string{"A1", "J6", "J7"},
		fault: "the application does not run", variants: bothApps(stop),
		confirm: "ss -ltn 'sport = :8080' on the application's host shows no listener.",
		remedy:  "Start it, and find out from its own log why it stopped.",
	}
	stagedRejected = staged{
		name: "rejected", family: "firewall", causes: []string{"H2", "J6"},
		fault:    "the firewall rejects the packets to 10.0.0.5:8080 with tcp-reset",
		variants: bothApps(fault.Reject{To: appAddress, With: "tcp-reset"}),
		confirm:  "curl http://10.0.0.5:8080/ works on the application's host and fails on the gateway; nft list ruleset there has the rule.",
		remedy: "On the application's host, accept the gateway before the rule that rejects: nft insert rule inet filter input ip saddr GATEWAY " +
			"tcp dport 8080 accept.",
	}
	stagedDropped = staged{
		name: "dropped", family: "firewall", causes: []string{"H1", "J6"},
		fault: "the firewall drops all packets to 10.0.0.5:8080", variants: bothApps(fault.Drop{To: appAddress}),
		confirm: "While a visitor waits, on the gateway: ss -tn state syn-sent dst 10.0.0.5 lists the unanswered attempt.",
		remedy: "Let the packets through, before the rule that drops: nft insert rule inet filter input ip saddr GATEWAY tcp dport 8080 accept on " +
			"the application's host.",
	}
	stagedSilent = staged{
		name: "silent", family: "time", causes: []string{"B6", "I1", "J6"},
		fault: "the application hangs", variants: appHangs,
		confirm: "On the application's host: ss -tn 'sport = :8080' shows connections that stay, often with a Recv-Q that is not 0.",
		remedy: "Restart the application, after its stack was kept (py-spy dump, jstack, gdb -p). A longer time-out only makes visitors wait " +
			"longer.",
	}
	stagedCloses = staged{
		name: "closes", family: "answer", causes: []string{"I1", "J6"},
		ask: lab.Request{Path: "/dies"}, fault: "the application closes every connection without an answer",
		variants: appBecomes("origin-ill.conf", fakeupstream.Close{At: fakeupstream.AtRequest}),
		confirm:  "curl -si http://10.0.0.5:8080/PATH on the gateway says Empty reply from server.",
		remedy:   whoEnded,
	}
	stagedResets = staged{
		name: "resets", family: "answer", causes: []string{"I1", "J6"},
		ask: lab.Request{Path: "/resets"}, fault: "the application resets every connection without an answer",
		variants: appBecomes("origin-ill.conf", fakeupstream.Reset{At: fakeupstream.AtRequest}),
		confirm:  "curl -si http://10.0.0.5:8080/PATH on the gateway says Recv failure: Connection reset by peer.",
		remedy:   whoEnded,
	}
	stagedCut = staged{
		name: "body-cut", family: "answer", causes: []string{"I1"},
		ask: download, fault: "the application ends while it sends a large body",
		variants: []scenario.Variant{
			sends(downloadFile, stop),
			fakeBecomes(fakeupstream.Close{At: fakeupstream.AtBody, After: 9 << 10, Answer: downloadHealthy}),
		},
		confirm: "curl -o /dev/null http://GATEWAY/PATH ends with curl: (18) transfer closed with outstanding read data remaining.",
		remedy:  whoEnded + monitorLengths,
		source:  messageLength,
	}
	stagedStalls = staged{
		name: "body-stalls", family: "answer", causes: []string{"B6"},
		ask: download, fault: "the application hangs while it sends a large body",
		variants: []scenario.Variant{
			sends(downloadFile, fault.Freeze{Upstream: "app"}),
			waitingFor(lab.AnswerFrom("app"), fakeBecomes(fakeupstream.Stall{At: fakeupstream.AtBody, After: 9 << 10, Answer: downloadHealthy})),
		},
		confirm: "A 200 in the gateway's log with fewer bytes than the file has, and a time of just over the limit.",
		remedy:  "See what the application waits for in mid-answer (a slow query that it streams, a lock).",
	}
	stagedNotHTTP = staged{
		name: "not-http", family: "answer", causes: []string{"A5", "E5"},
		fault:    "another service listens on the application's port",
		variants: appBecomes("origin-ssh.conf", fakeupstream.WrongProtocol{Speak: fakeupstream.SpeakSSH}),
		confirm:  "On the gateway: nc 10.0.0.5 8080 </dev/null prints what is really there.",
		remedy:   "Put the right port into the gateway's config: ss -ltnp on the application's host lists who listens where.",
	}
	stagedBigHeader = staged{
		name: "header-too-big", family: "answer", causes: []string{"E4", "K2"},
		ask: lab.Request{Path: "/huge-header"}, fault: "the application sets a cookie of 36 KB",
		variants: appBecomes("origin-ill.conf", fakeupstream.Well{Headers: []string{
			"Content-Type: text/plain", "Content-Length: 3", "Set-Cookie: session=" + strings.Repeat("0123456789abcdef", 36<<10/16),
		}}),
		confirm: "On the gateway: curl -s -o /dev/null -D - http://10.0.0.5:8080/PATH | wc -c prints more than 36000.",
		remedy:  "Find the cookie that grows.",
	}
	stagedBadHeader = staged{
		name: "header-invalid", family: "answer", causes: []string{"E5"},
		ask: lab.Request{Path: "/bad-header"}, fault: "the application puts a text of two lines into a header",
		variants: appBecomes("origin-ill.conf", fakeupstream.Raw{Text: "HTTP/1.1 200 OK\r\n" +
			"X-Error: query failed\nat line 7 of report.sql\r\nContent-Length: 3\r\n\r\nok\n"}),
		confirm: "On the gateway: curl -s -o /dev/null -D - http://10.0.0.5:8080/PATH | cat -A shows a line without a colon.",
		remedy:  "Strip line ends from what the application puts into headers.",
	}
	stagedTwoLengths = staged{
		name: "two-lengths", family: "answer", causes: []string{"E5"},
		ask: lab.Request{Path: "/two-lengths"}, fault: "the application sends Content-Length twice",
		variants: appBecomes("origin-ill.conf", fakeupstream.DuplicateHeader{}),
		confirm:  "On the gateway: curl -s -o /dev/null -D - http://10.0.0.5:8080/PATH | grep -ci content-length prints 2.",
		remedy:   "Do not set Content-Length in the application's code: its server does.",
		source:   messageLength,
	}
	stagedBadChunk = staged{
		name: "bad-chunk", family: "answer", causes: []string{"E5"},
		ask: lab.Request{Path: "/bad-chunk"}, fault: "the body is not chunked, as its header says it is",
		variants: appBecomes("origin-ill.conf", fakeupstream.Raw{
			Text: "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nok\n",
		}, indexPage("ok\n")),
		confirm: "On the gateway: curl --raw -s http://10.0.0.5:8080/PATH | head -c 20 | xxd does not begin with a length in hex.",
		remedy:  "Remove the Transfer-Encoding header from the application's code: its server sets it where it is due.",
		source:  "https://www.rfc-editor.org/rfc/rfc9112#section-7.1",
	}
	stagedExpired = staged{
		name: "certificate-expired", family: "protocol", causes: []string{"A5", "J6"},
		fault:    "the application's certificate expired in 2001",
		variants: shows(backend.Certificate{Name: tlsName, Authority: &authority, Expired: true}, fakeupstream.TLSExpired),
		confirm:  "openssl s_client -connect app.internal:8443 </dev/null | openssl x509 -noout -enddate.",
		remedy:   "Renew it, and reload the application: renewing alone leaves the old one in its memory.",
	}
	stagedWrongName = staged{
		name: "certificate-wrong-name", family: "protocol", causes: []string{"A5"},
		fault:    "the application's certificate is for another name",
		variants: shows(backend.Certificate{Name: "wrong.invalid", Authority: &authority}, fakeupstream.TLSWrongName),
		confirm:  "openssl s_client -connect app.internal:8443 </dev/null | openssl x509 -noout -ext subjectAltName.",
		remedy:   "A certificate with the name that the gateway asks for.",
	}
	stagedPlain = staged{
		name: "https-to-http", family: "protocol", causes: []string{"A5"},
		fault: "the application speaks plain HTTP on its port", variants: httpAtTLS,
		confirm: "curl -si http://app.internal:8443/ on the gateway answers; openssl s_client -connect app.internal:8443 shows no certificate.",
		remedy:  "Speak HTTP to it, in the gateway's config, or let the application speak TLS.",
	}
	stagedNameGone = staged{
		name: "name-gone", family: "dns", causes: []string{"G1"},
		fault:    "app.internal does not resolve when the gateway is restarted",
		variants: withRemedy(bothApps(fault.Hosts{}, fault.Restart{}), fault.Hosts{Addresses: appHost}, fault.Restart{}),
		confirm:  "getent hosts app.internal on the gateway prints nothing.",
		remedy:   "Bring the name back, or put it into /etc/hosts, and restart the gateway.",
	}
	stagedOneDead = staged{
		name: "pool-one-dead", family: "pool", causes: []string{"J5"},
		fault: "the second server does not run", variants: poolVariants(nil, fault.Stop{Upstream: "second"}),
		confirm: "curl to each server from the gateway: the second refuses.",
		remedy:  "Start it. Watch the gateway's log for it: visitors may not complain.",
	}
	stagedAllDead = staged{
		name: "pool-all-dead", family: "pool", causes: []string{"J5"},
		fault: "neither server runs", variants: poolVariants(nil, fault.Stop{Upstream: "app"}, fault.Stop{Upstream: "second"}),
		confirm: "curl to each server from the gateway: both refuse.",
		remedy:  "Start them.",
	}
	stagedOwn502 = staged{
		name: "own-502", family: "answer", causes: []string{"J2"},
		ask: lab.Request{Path: "/own-502"}, fault: "the application answers 502",
		variants: appBecomes("origin-ill.conf", fakeupstream.Well{Status: 502, Body: "The database did not answer.\n"}),
		confirm:  "curl -si http://10.0.0.5:8080/PATH on the gateway answers 502 as well.",
		remedy:   "Mend what is behind the application.",
	}
	stagedOwn503 = staged{
		name: "own-503", family: "answer", causes: []string{"I2"},
		ask: lab.Request{Path: "/maintenance"}, fault: "the application answers 503",
		variants: appBecomes("origin-ill.conf", fakeupstream.Well{
			Status: 503, Headers: []string{"Content-Type: text/plain", "Content-Length: 15", "Retry-After: 120"}, Body: "Back at 14:00.\n",
		}),
		confirm: "curl -si http://10.0.0.5:8080/PATH on the gateway answers 503 with Retry-After.",
		remedy:  "End the maintenance mode (php artisan up, occ maintenance:mode --off, rm .maintenance, ...).",
		source:  "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4",
	}
)
