package fakeupstream

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

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
	{"redirect", Redirect{}, "sends the client elsewhere on the host that it named"},
	{"upgrade", Upgrade{}, "opens a websocket and says nothing on it (HTTP)"},
	{"interim", Interim{}, "sends interim answers such as 103 before the final one (HTTP)"},
	{"close-reused", CloseReused{}, "closes or resets a kept connection when it is used again"},
	{"backlog-full", BacklogFull{}, "listens with a full queue and never accepts (Linux)"},
	{"mysql-error", MySQLError{}, "answers with an error of MySQL's, in place of its greeting, to a login or to a statement (MySQL)"},
	{"dns-answer", DNSAnswer{}, "answers with addresses, or with NXDOMAIN, SERVFAIL or REFUSED (DNS)"},
	{"fastcgi-stderr", FastCGIStderr{}, "writes to STDERR, then answers or ends"},
	{"fastcgi-end", FastCGIEnd{}, "ends without output, or with an application or protocol status"},
	{"fastcgi-bad-record", FastCGIBadRecord{}, "answers with bad records: version, request id, type"},
	{"fastcgi-unterminated", FastCGIUnterminated{}, "sends the output and no END_REQUEST"},
}

// Register makes a behaviour of your own known, under a name that no other has. Zero is a struct, not a pointer to one, of
// which JSON knows the exported fields that have a json tag with a name. These are texts, numbers, truth values, lists
// of such, lengths of time, a [Behaviour], a [Connection], a [Well] or another struct in the same manner, or whatever has
// UnmarshalJSON.
//
// Call it from an init function. It panics when the name or the type is taken, or the type is no such struct.
//
// A lab of this project runs its fakes in another process; how that comes to know a behaviour of yours, package
// harness/agentmain says.
func Register(e Entry) {
	t := reflect.TypeOf(e.Zero)
	if e.Name == "" || t == nil || t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("fakeupstream: Register of %q: it takes a name and a struct, and was given %T", e.Name, e.Zero))
	}
	fields, _ := fieldsOf(t)
	if _, taken := fields["do"]; taken {
		panic(fmt.Sprintf(`fakeupstream: Register of %T: "do" is the name of the behaviour in JSON, and can't be that of a field`, e.Zero))
	}
	registering.Lock()
	defer registering.Unlock()
	for _, other := range registry {
		if other.Name == e.Name || reflect.TypeOf(other.Zero) == t {
			panic(fmt.Sprintf("fakeupstream: Register of %T as %q: %T is registered as %q", e.Zero, e.Name, other.Zero, other.Name))
		}
	}
	registry = append(slices.Clip(registry), e)
}

// Behaviours lists every behaviour there is, those of others that were registered included.
func Behaviours() []Entry { return slices.Clone(entries()) }

// registering guards the registry, of which what stands in it never changes.
var registering sync.RWMutex

// entries is the list of now, which later calls of Register leave as it is.
func entries() []Entry {
	registering.RLock()
	defer registering.RUnlock()
	return registry
}

// NameOf gives the name of a behaviour in JSON: "reset" for a Reset. It is empty for a
// value that is not in the list of Behaviours.
func NameOf(b Behaviour) string {
	t := reflect.TypeOf(b)
	for _, e := range entries() {
		if reflect.TypeOf(e.Zero) == t {
			return e.Name
		}
	}
	return ""
}

// registered is NameOf with the remedy when there is none.
func registered(b Behaviour) (name string, err error) {
	if name = NameOf(b); name == "" {
		err = fmt.Errorf("%T is not a registered behaviour; give a value, not a pointer, and Register a type of your own", b)
	}
	return name, err
}

// ErrNoBehaviour is for a name that no behaviour has which is registered in this program.
var ErrNoBehaviour = errors.New("no behaviour is called")

// typeOf gives the type of the behaviour with that name.
func typeOf(name string) (reflect.Type, bool) {
	for _, e := range entries() {
		if e.Name == name {
			return reflect.TypeOf(e.Zero), true
		}
	}
	return nil, false
}

func names() []string {
	var all []string
	for _, e := range entries() {
		all = append(all, e.Name)
	}
	return all
}
