package fakeupstream

import "reflect"

// Entry is a behaviour as the JSON form and the program know it.
type Entry struct {
	Name    string    // the "do" of its JSON
	Zero    Behaviour // a value with nothing set
	Summary string    // what it does, in a line
}

// registry is the one place that ties names to behaviours.
var registry = []Entry{
	{"well", Well{}, "answers well"},
	{"refuse", Refuse{}, "nothing listens: connection refused, a stale socket file or none at all"},
	{"silent", Silent{}, "accepts and never says anything"},
	{"delay", Delay{}, "waits, then does something else (answers well by default)"},
	{"close", Close{}, "closes the connection (FIN) at a point"},
	{"reset", Reset{}, "resets the connection (RST) at a point"},
	{"stall", Stall{}, "sends a part of the answer and then nothing more"},
	{"drip", Drip{}, "answers a few bytes at a time"},
	{"garbage", Garbage{}, "answers with bytes that mean nothing"},
	{"raw", Raw{}, "answers with exactly the bytes given"},
	{"wrong-protocol", WrongProtocol{}, "speaks another protocol: ssh, smtp, http, fastcgi, tls-alert, http2, http09"},
	{"big-header", BigHeader{}, "answers with a header that is too big"},
	{"bad-header", BadHeader{}, "answers with a header that is not valid"},
	{"duplicate-header", DuplicateHeader{}, "answers with a header field twice"},
	{"contradiction", Contradiction{}, "answers with both Content-Length and chunked (HTTP)"},
	{"short-body", ShortBody{}, "sends less of a body than declared"},
	{"long-body", LongBody{}, "sends more of a body than declared"},
	{"bad-chunk", BadChunk{}, "sends a chunked body that is wrong (HTTP)"},
	{"early-answer", EarlyAnswer{}, "answers before the request's body was read"},
	{"interim", Interim{}, "sends interim answers such as 103 before the final one (HTTP)"},
	{"close-reused", CloseReused{}, "closes or resets a kept connection when it is used again"},
	{"backlog-full", BacklogFull{}, "listens with a full queue and never accepts (Linux)"},
	{"fastcgi-stderr", FastCGIStderr{}, "writes to STDERR, then answers or ends"},
	{"fastcgi-end", FastCGIEnd{}, "ends without output, or with an application or protocol status"},
	{"fastcgi-bad-record", FastCGIBadRecord{}, "answers with bad records: version, request id, type"},
	{"fastcgi-unterminated", FastCGIUnterminated{}, "sends the output and no END_REQUEST"},
}

// Behaviours lists every behaviour there is.
func Behaviours() []Entry { return append([]Entry(nil), registry...) }

// NameOf gives the name of a behaviour in JSON: "reset" for a Reset. It is empty for a
// value that is not in the list of Behaviours.
func NameOf(b Behaviour) string {
	t := reflect.TypeOf(b)
	for _, e := range registry {
		if reflect.TypeOf(e.Zero) == t {
			return e.Name
		}
	}
	return ""
}

// typeOf gives the type of the behaviour with that name.
func typeOf(name string) (reflect.Type, bool) {
	for _, e := range registry {
		if e.Name == name {
			return reflect.TypeOf(e.Zero), true
		}
	}
	return nil, false
}

func names() []string {
	all := make([]string, len(registry))
	for i, e := range registry {
		all[i] = e.Name
	}
	return all
}
