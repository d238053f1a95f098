package review

import (
	"slices"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
)

// The protocols that a fault makes sense for.
var (
	// answering are those whose answer has a status and a header.
	answering = []string{"http", "https", "fastcgi", "uwsgi", "suwsgi", "scgi", "grpc", "grpcs"}
	// speaking are those in which a request gets an answer that nginx reads.
	speaking = append(slices.Clone(answering), "memcached")
	// secured are those over TLS.
	secured = []string{"https", "suwsgi", "grpcs", "tls"}
	// kept are those whose connections nginx can keep and use again.
	kept = []string{"http", "https", "fastcgi", "grpc", "grpcs", "memcached"}
)

const (
	// part is the body of an answer that does not come to its end: large enough that half of it is on its way to the client.
	part = 64 << 10
	// applications commonly send headers of that size: a session cookie, a Content-Security-Policy and a token.
	common = 6 << 10
	// late is beyond the time-outs that anybody sets.
	late = 2 * time.Hour
)

var (
	inChunks = fakeupstream.Well{Chunked: true, BodySize: part}
	inOne    = fakeupstream.Well{BodySize: part}
)

// Faults are the columns of the matrix, in the order in which one would read them. All peers dead is "refused".
func Faults() []audit.Fault {
	return slices.Concat(everyUpstreams(), applications(), visitorFaults())
}

// everyUpstreams are the faults that any upstream can have.
func everyUpstreams() []audit.Fault {
	return []audit.Fault{
		{
			FaultInfo: info("refused", "refused", "nothing listens at the upstream's address", "fpm-dead", "A1", "A2", "J5"),
			Kind:      audit.Refuses,
		},
		{
			FaultInfo: info("off", "off", "the upstream's host is silent: switched off, or a firewall drops what is sent to it",
				"host-off", "H1", "H5"),
			Kind: audit.Off,
		},
		behaves(info("silent", "silent", "the upstream takes the request and says nothing", "app-hangs", "B6", "D4", "F1"),
			fakeupstream.Silent{}, nil),
		behaves(info("slow", "slow", "the upstream's answer begins after every time-out", "fpm-read-timeout", "B2", "B5"),
			fakeupstream.Delay{For: late}, speaking),
		posted(behaves(info("does-not-read", "won't read", "the upstream accepts and does not read the request", "", "B6"),
			fakeupstream.Silent{At: fakeupstream.AtAccept}, answering)),
		behaves(info("died", "died", "the upstream takes the request and closes without a byte", "app-dies", "I1", "B4", "C2"),
			fakeupstream.Close{}, speaking),
		behaves(info("reset", "reset", "the upstream takes the request and its connection is reset", "app-resets", "I1", "B1", "E2"),
			fakeupstream.Reset{}, speaking),
		cuts(behaves(info("cut", "cut", "the upstream dies in the middle of the body", "body-cut", "I1"),
			fakeupstream.Close{At: fakeupstream.AtBody, Answer: inChunks}, speaking),
			fakeupstream.Close{At: fakeupstream.AtBody, Answer: inOne}),
		cuts(behaves(info("stalled", "stalled", "the upstream stops in the middle of the body", "body-stalls", "B6"),
			fakeupstream.Stall{At: fakeupstream.AtBody, Answer: inChunks}, speaking),
			fakeupstream.Stall{At: fakeupstream.AtBody, Answer: inOne}),
		behaves(info("500", "500", "the application answers 500, with a page of its own", "php-fatal-error", "E1", "C1", "J6"),
			ownPage(500), answering),
		behaves(info("502", "502", "the application is a gateway itself and answers 502", "origin-502", "J1", "J2", "J6"),
			ownPage(502), answering),
		behaves(info("503", "503", "the application is in maintenance and answers 503", "maintenance", "I2", "J6"),
			ownPage(503), answering),
		behaves(info("big-header", "big header", "the answer's header has 6 KiB, as applications commonly send", "header-too-big",
			"E4", "K2"), fakeupstream.BigHeader{Size: common}, answering),
		behaves(info("huge-header", "huge header", "the answer's header has 64 KiB", "php-big-header", "E4"),
			fakeupstream.BigHeader{}, answering),
		behaves(info("garbage", "garbage", "the upstream answers with bytes of no protocol", "not-http", "E5", "A5"),
			fakeupstream.Garbage{}, speaking),
		{
			FaultInfo: info("name-gone", "name gone", "the upstream's name does not resolve when the gateway is restarted",
				"name-gone-at-start", "G1", "G2"),
			Kind: audit.NameGone,
		},
		{
			FaultInfo: info("name-moved", "name moved", "the upstream's name has another address, and nothing answers at the old one",
				"address-moved", "G3"),
			Kind: audit.NameMoved,
		},
		{FaultInfo: info("one-dead", "one dead", "one of several peers refuses connections", "pool-one-dead", "J5"), Kind: audit.OnePeer},
		{FaultInfo: info("one-silent", "one silent", "one of several peers does not answer", "pool-one-silent", "J5", "B2"),
			Kind: audit.OneSilent},
		{FaultInfo: info("one-503", "one 503", "one of several peers answers 503", "pool-503-passed", "J5", "J6"),
			Kind: audit.OnePeer, Does: ownPage(503), Protocols: answering},
		{FaultInfo: info("one-address", "one address", "the upstream's name has two addresses (localhost: ::1 and 127.0.0.1), and one of them refuses",
			"fpm-localhost", "A3", "J5"), Kind: audit.OneOfName},
		{
			FaultInfo: info("reuse", "kept closed", "the upstream closes a kept connection as it is used again", "kept-connection-get", "I3"),
			Kind:      audit.Reuse, Does: fakeupstream.CloseReused{}, Protocols: kept, Needs: audit.NeedsKept,
		},
		{
			FaultInfo: info("idle-5s", "idle 5 s", "the upstream closes a connection that was idle for 5 s, as Node.js does, as it is used again",
				"kept-connection-post", "I3"),
			Kind: audit.Reuse, Does: fakeupstream.CloseReused{}, Idle: 5 * time.Second, Protocols: kept, Needs: audit.NeedsKept,
		},
		tlsFault(info("tls-expired", "TLS expired", "the upstream's certificate has expired", "certificate-expired", "A5"),
			string(fakeupstream.TLSExpired)),
		tlsFault(info("tls-wrong-name", "TLS name", "the upstream's certificate is for another name", "certificate-wrong-name", "A5"),
			string(fakeupstream.TLSWrongName)),
		tlsFault(info("tls-plain", "TLS plain", "the upstream speaks plain text where TLS is expected", "https-to-http", "A5"), "plain"),
		{
			FaultInfo: info("restarted", "restarted", "the upstream is down, visitors come, and then it is well again", "pool-benched",
				"A6", "J5"),
			Kind: audit.Restart,
		},
	}
}

func info(id, title, claim, scenario string, causes ...string) audit.FaultInfo {
	return audit.FaultInfo{ID: id, Title: title, Claim: claim, Scenario: scenario, Causes: causes}
}

func behaves(f audit.FaultInfo, does fakeupstream.Behaviour, protocols []string) audit.Fault {
	return audit.Fault{FaultInfo: f, Kind: audit.Behaves, Does: does, Protocols: protocols}
}

// posted is a fault that only a request with a body meets.
func posted(f audit.Fault) audit.Fault {
	f.Methods = []string{"POST"}
	return f
}

func cuts(f audit.Fault, elsewhere fakeupstream.Behaviour) audit.Fault {
	f.Cuts, f.Elsewhere = true, elsewhere
	return f
}

func tlsFault(f audit.FaultInfo, fault string) audit.Fault {
	f.MustFail = true
	return audit.Fault{FaultInfo: f, Kind: audit.TLSFault, TLS: fault, Protocols: secured}
}

// ownPage is an error that the application answers by itself. The runner gives it a page that differs from others.
func ownPage(status int) fakeupstream.Behaviour {
	return fakeupstream.Well{Status: status, Headers: []string{"Content-Type: text/html"}}
}
