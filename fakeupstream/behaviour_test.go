package fakeupstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	. "github.com/badgateway/badgateway/fakeupstream"
)

// serving is a behaviour of somebody else's that does what its function does.
type serving struct {
	Func func(x *Exchange) error `json:"-"`
}

func (serving) String() string       { return "what a function does" }
func (serving) Check(Endpoint) error { return nil }

func (b serving) Serve(x *Exchange) error {
	if b.Func == nil {
		return x.Answer(Well{})
	}
	return b.Func(x)
}

// nested is one with fields of every kind.
type nested struct {
	Wait time.Duration `json:"wait,omitempty"`
	Then Behaviour     `json:"then,omitempty"`
	More Connection    `json:"more,omitempty"`
	When instant       `json:"when,omitzero"`
}

func (nested) String() string          { return "nested" }
func (nested) Check(Endpoint) error    { return nil }
func (nested) Serve(x *Exchange) error { return x.Answer(Well{}) }

// instant has a JSON form of its own.
type instant struct{ Year int }

func (i instant) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint("year ", i.Year)) }

func (i *instant) UnmarshalJSON(b []byte) error {
	_, err := fmt.Sscanf(string(b), `"year %d"`, &i.Year)
	return err
}

func init() {
	Register(Entry{Name: "serving", Zero: serving{}, Summary: "for tests"})
	Register(Entry{Name: "nested", Zero: nested{}, Summary: "for tests"})
}

// serve runs an upstream of which each connection meets these behaviours.
func serve(t *testing.T, spec Spec, b ...Behaviour) *Server {
	t.Helper()
	if spec.Listen == "" {
		spec.Listen = "127.0.0.1:0"
	}
	spec.Script = Script{b}
	s, err := New(spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// talk sends text on a new connection and reads to its end.
func talk(t *testing.T, s *Server, text string) (string, error) {
	t.Helper()
	c := connect(t, s)
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	return string(b), err
}

func connect(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c
}

// over waits until the first connection is over, and gives its record.
func over(t *testing.T, s *Server) ConnectionRecord {
	t.Helper()
	NewWithT(t).Eventually(func() string { return s.Records()[0].ClosedBy }).WithTimeout(20 * time.Second).ShouldNot(BeEmpty())
	return s.Records()[0]
}

const upload = "POST /up?a=b HTTP/1.1\r\nHost: test\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"

func TestExchange_TellsWhatWasRead(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	var before, head, whole RequestRecord
	var protocol string
	s := serve(t, Spec{Protocol: Any}, serving{func(x *Exchange) error {
		before = x.Request()
		if err := x.ReadHead(); err != nil {
			return err
		}
		protocol, head = x.Protocol(), x.Request()
		if err := x.ReadRequest(); err != nil {
			return err
		}
		whole = x.Request()
		return x.Answer(Well{Close: true})
	}})
	got, err := talk(t, s, upload)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(HavePrefix("HTTP/1.1 200 OK\r\n"))
	s.Close() // and what Serve has written is there to be read
	g.Expect(before).To(Equal(RequestRecord{Did: "what a function does"}))
	g.Expect(protocol).To(Equal(HTTP))
	g.Expect(head).To(Equal(RequestRecord{Number: 1, Method: "POST", URI: "/up?a=b", Protocol: "HTTP/1.1", Keep: true, Did: "what a function does",
		Headers: []Field{{"Host", "test"}, {"X-A", "b"}, {"Content-Length", "5"}}}))
	g.Expect(whole.Body).To(HaveField("Start", "hello"))
	g.Expect(s.Records()[0].Requests[0].Did).To(Equal("what a function does"))
}

// Records end after a thousand requests, and behaviours go on.
func TestExchange_TellsOfRequestsBeyondTheRecords(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	var last RequestRecord
	s := serve(t, Spec{}, serving{func(x *Exchange) error {
		if err := x.ReadRequest(); err != nil {
			return err
		}
		last = x.Request()
		if last.Number == 1001 {
			return x.End(EndClose)
		}
		return nil
	}})
	_, err := talk(t, s, string(bytes.Repeat([]byte(upload), 1001)))
	g.Expect(err).NotTo(HaveOccurred())
	s.Close() // and what Serve has written is there to be read
	g.Expect(s.Records()[0].Requests).To(HaveLen(1000))
	g.Expect(last).To(And(HaveField("Number", 1001), HaveField("URI", "/up?a=b"), HaveField("Body.Start", "hello")))
}

func TestExchange_SendsInPartAndEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		serve func(x *Exchange) error
		want  string
		reset bool
	}{
		"part of the body": {func(x *Exchange) error {
			if err := x.AnswerUpTo(Well{Body: "hello"}, AtBody, 2); err != nil {
				return err
			}
			return x.End(EndClose)
		}, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhe", false},
		"bytes and a reset": {func(x *Exchange) error {
			if err := x.ReadRequest(); err != nil {
				return err
			}
			fmt.Fprintf(x, "%s\r\n", x.Request().URI)
			return x.End(EndReset)
		}, "/up?a=b\r\n", true},
		"one of the others": {func(x *Exchange) error { return Garbage{Bytes: 1}.Serve(x) }, "\xe9", false},
		"the body unread":   {func(x *Exchange) error { return x.AnswerUpTo(Well{NoBody: true}, AtEnd, 0) }, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := serve(t, Spec{}, serving{c.serve})
			got, err := talk(t, s, upload)
			g.Expect(got).To(Equal(c.want))
			g.Expect(errors.Is(err, syscall.ECONNRESET)).To(Equal(c.reset))
			g.Expect(over(t, s).ClosedBy).To(Equal(ByUpstream))
		})
	}
}

// A reset of a unix socket has to be prepared before the first byte is read, when nobody knows what a function will do.
func TestExchange_ResetsAUnixSocket(t *testing.T) {
	t.Parallel()
	s := serve(t, Spec{Listen: "unix:" + filepath.Join(t.TempDir(), "s")}, serving{func(x *Exchange) error {
		if err := x.ReadRequest(); err != nil {
			return err
		}
		return x.End(EndReset)
	}})
	_, err := talk(t, s, upload)
	NewWithT(t).Expect(err).To(MatchError(syscall.ECONNRESET))
}

func TestExchange_ActsBeforeARequest(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	greets := serving{func(x *Exchange) error {
		if err := x.Pause(time.Nanosecond); err != nil {
			return err
		}
		_, err := x.Write([]byte("hello\n"))
		return err
	}}
	s := serve(t, Spec{}, greets, Well{Close: true})
	got, err := talk(t, s, upload)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(HavePrefix("hello\nHTTP/1.1 200 OK\r\n"))
	g.Expect(s.Records()[0].Did).To(Equal("what a function does"))
	g.Expect(s.Records()[0].Requests).To(ConsistOf(HaveField("Did", "answer 200 and close")))

	s = serve(t, Spec{}, greets) // for the rest too: which must not be without end
	c := connect(t, s)
	_, _ = io.WriteString(c, upload)
	c.(*net.TCPConn).CloseWrite()
	g.Expect(io.ReadAll(c)).To(BeEquivalentTo("hello\n"))
	c.Close()
	g.Expect(over(t, s).ClosedBy).To(Equal(ByClient))
}

func TestExchange_ErrorOfABehaviourEndsTheConnection(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := serve(t, Spec{}, serving{func(x *Exchange) error {
		if err := x.ReadRequest(); err != nil {
			return err
		}
		return errors.New("no such disk")
	}})
	got, err := talk(t, s, upload)
	g.Expect(got, err).To(BeEmpty())
	g.Expect(over(t, s)).To(And(HaveField("ClosedBy", ByUpstream), HaveField("Problem", "no such disk")))
}

func TestBehaviour_OfAnotherPackageIsOneLikeTheOthers(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	text := `{"listen":"127.0.0.1:0","script":[[{"do":"nested","wait":"1.5s","then":{"do":"serving"},"more":[{"do":"well"},{"do":"silent"}],"when":"year 1999"},` +
		`{"do":"delay","for":"1ns","then":{"do":"serving"}}]]}`
	specs, err := ParseSpecs([]byte(text))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(specs[0].Script[0][0]).To(Equal(nested{Wait: 1500 * time.Millisecond, Then: serving{}, More: Connection{Well{}, Silent{}}, When: instant{1999}}))
	written, err := json.Marshal(specs[0])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(written)).To(MatchJSON(text))

	_, err = ParseSpecs([]byte(`{"listen":"127.0.0.1:0","script":[{"do":"nestd"}]}`))
	g.Expect(err).To(MatchError(ContainSubstring(`did you mean "nested"?`)))
	_, err = ParseSpecs([]byte(`{"listen":"127.0.0.1:0","script":[{"do":"serving","-":1}]}`))
	g.Expect(err).To(MatchError(ContainSubstring(`serving has no field "-"`)))
	_, err = ParseSpecs([]byte(`{"listen":"127.0.0.1:0","protocol":"stream","script":[{"do":"redirect-loop"}]}`))
	g.Expect(err).To(MatchError(`upstream "127.0.0.1:0": script[0][0] (redirect-loop): works on protocols with a header only`))

	var out bytes.Buffer
	g.Expect(Main(context.Background(), []string{"--list"}, &out, &out)).To(BeZero())
	g.Expect(out.String()).To(MatchRegexp(`(?m)^nested +for tests\n +fields: wait, then, more, when$`))
}

func TestRegister_PanicsWhereItCannot(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]Entry{
		"takes a name and a struct, and was given fakeupstream_test.serving":  {Zero: serving{}},
		"takes a name and a struct, and was given <nil>":                      {Name: "x"},
		"takes a name and a struct, and was given *fakeupstream_test.serving": {Name: "x", Zero: &serving{}},
		`fakeupstream.Well is registered as "well"`:                           {Name: "well", Zero: struct{ serving }{}},
		`fakeupstream_test.serving is registered as "serving"`:                {Name: "x", Zero: serving{}},
		`"do" is the name of the behaviour`:                                   {Name: "x", Zero: unregistered{}},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			NewWithT(t).Expect(func() { Register(e) }).To(PanicWith(ContainSubstring(want)))
		})
	}
	_, err := New(Spec{Listen: "127.0.0.1:0", Script: Always(unregistered{})}, Options{})
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("fakeupstream_test.unregistered is not a registered behaviour; give a value, not a pointer, and Register a type of your own")))
}

type unregistered struct {
	serving
	Do string `json:"do"`
}
