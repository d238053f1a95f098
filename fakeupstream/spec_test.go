package fakeupstream

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	ok := func(b ...Behaviour) Spec { return Spec{Listen: "127.0.0.1:0", Script: Script{b}} }
	fcgi := func(b ...Behaviour) Spec { return Spec{Listen: "127.0.0.1:0", Protocol: FastCGI, Script: Script{b}} }
	in := func(protocol string, b Behaviour) Spec {
		return Spec{Listen: "127.0.0.1:0", Protocol: protocol, Script: Always(b)}
	}
	for want, spec := range map[string]Spec{
		"uwsgi has no chunks":                               in(UWSGI, Well{Chunked: true}),
		"gRPC has no chunks":                                in(GRPC, Close{Answer: Well{Chunked: true}}),
		"headers: memcached has no header":                  in(Memcached, Well{Headers: []string{"A: b"}}),
		"status: a stream has no status":                    in(Stream, Well{Status: 500}),
		"at: a stream has no header":                        in(Stream, Close{At: AtHeader}),
		`on protocol "memcached": its answers`:              in(Memcached, BigHeader{}),
		`on protocol "stream": its answers`:                 in(Stream, DuplicateHeader{}),
		`on protocol "stream": it declares no`:              in(Stream, ShortBody{}),
		`on protocol "stream": its requests`:                in(Stream, EarlyAnswer{}),
		`on protocol "scgi": it keeps no`:                   in(SCGI, CloseReused{}),
		"uwsgi keeps no connections":                        in(UWSGI, Garbage{End: EndKeep}),
		"a gRPC answer has no status line":                  in(GRPC, BadHeader{Fault: HeaderStatusLine}),
		"a gRPC header has no lines":                        in(GRPC, BadHeader{Fault: HeaderNoColon}),
		"the header of memcached is a line":                 in(Memcached, BadHeader{Fault: HeaderNUL}),
		`"http2" is what the listener speaks`:               in(GRPC, WrongProtocol{Speak: SpeakHTTP2}),
		`and this listener speaks "grpc"`:                   in(GRPC, Interim{}),
		"listen: missing":                                   {},
		`is not host:port`:                                  {Listen: "127.0.0.1"},
		`port "http" is not a number`:                       {Listen: "127.0.0.1:http"},
		`a listener takes no host names`:                    {Listen: "example.test:80"},
		"the socket path has 200 bytes":                     {Listen: "unix:" + filler(200)},
		`protocol: "htp" is not possible`:                   {Listen: ":0", Protocol: "htp"},
		`"9" is not a file mode`:                            {Listen: "unix:/x", Mode: "9"},
		"only a unix socket has a file mode":                {Listen: ":0", Mode: "0600"},
		"for: missing":                                      ok(Delay{}),
		"every: missing":                                    ok(Drip{}),
		"then: refuse is a state":                           ok(Delay{For: time.Second, Then: Refuse{}}),
		"then: at:":                                         ok(Delay{For: time.Second, Then: Reset{At: "x"}}),
		"only a unix socket is stale":                       ok(Refuse{Socket: SocketStale}),
		"after: -1 is negative":                             ok(Close{After: -1}),
		"answer.status: 99":                                 ok(Reset{Answer: Well{Status: 99}}),
		"headers[0]":                                        ok(Well{Headers: []string{"no colon"}}),
		"give one of body":                                  ok(Well{Body: "x", NoBody: true}),
		"FastCGI has no chunks":                             fcgi(Well{Chunked: true}),
		`works on protocol "http" only`:                     fcgi(BadChunk{Fault: ChunkSize}),
		`works on protocol "fastcgi" only`:                  ok(FastCGIEnd{}),
		"speak: missing; valid: ssh":                        ok(WrongProtocol{}),
		`"http" is what the listener speaks anyway`:         ok(WrongProtocol{Speak: SpeakHTTP}),
		"fault: missing":                                    ok(BadHeader{}),
		"a FastCGI answer has no status line":               fcgi(BadHeader{Fault: HeaderVersion}),
		"the connection cannot be kept":                     ok(EarlyAnswer{End: EndKeep}),
		"statuses[0]: 200":                                  ok(Interim{Statuses: []int{200}}),
		"name: give the name":                               ok(DuplicateHeader{Name: "a b"}),
		"give one of text and base64":                       ok(Raw{Text: "a", Base64: "b"}),
		"declares no length":                                ok(ShortBody{Answer: Well{Chunked: true}}),
		"give 0 to 128":                                     ok(BacklogFull{Backlog: 129}),
		"backlog-full is a state of the whole":              ok(Well{}, BacklogFull{}),
		"*fakeupstream.Reset is not a registered behaviour": ok(&Reset{}),
		"script[0][0]: no behaviour":                        ok(nil),
		"a record takes 65528; use repeat":                  fcgi(FastCGIStderr{Text: filler(70_000)}),
	} {
		t.Run(want, func(t *testing.T) {
			NewWithT(t).Expect(spec.Validate()).To(MatchError(ContainSubstring(want)))
			_, err := New(spec, Options{})
			NewWithT(t).Expect(err).To(HaveOccurred())
		})
	}
}

// With Any a behaviour is wrong only in what is wrong in every protocol.
func TestValidateAny(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for _, b := range []Behaviour{
		Well{Chunked: true, Status: 500, Headers: []string{"A: b"}}, BadChunk{Fault: ChunkSize}, FastCGIEnd{}, Interim{}, Contradiction{},
		Garbage{End: EndKeep}, BigHeader{}, Close{At: AtHeader}, WrongProtocol{Speak: SpeakHTTP}, BadHeader{Fault: HeaderNoColon},
	} {
		g.Expect(Spec{Listen: "127.0.0.1:0", Protocol: Any, Script: Always(b)}.Validate()).To(Succeed())
	}
	g.Expect(Spec{Listen: "127.0.0.1:0", Protocol: Any, Script: Always(Delay{})}.Validate()).To(MatchError(ContainSubstring("for: missing")))
}

func TestScripts(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	g.Expect(Always(Reset{})).To(Equal(Script{{Reset{}}}))
	g.Expect(FailFirst(2, Reset{})).To(Equal(Script{{Reset{}}, {Reset{}}, {Well{}}}))
	g.Expect(FailFirstThen(1, Reset{}, Silent{})).To(Equal(Script{{Reset{}}, {Silent{}}}))
	g.Expect(OnReuse(1, Close{})).To(Equal(Script{{Well{}, Close{}}}))
}
