package fakeupstream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
)

// uwsgiRequest and scgiRequest are requests as a gateway sends them.
func uwsgiRequest(body string, params ...string) string {
	var vars []byte
	for _, s := range append([]string{"CONTENT_LENGTH", length(body)}, params...) {
		vars = append(binary.LittleEndian.AppendUint16(vars, uint16(len(s))), s...)
	}
	head := binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(vars)))
	return string(append(append(head, 0), vars...)) + body
}

func scgiRequest(body string, params ...string) string {
	var header bytes.Buffer
	for _, s := range append([]string{"CONTENT_LENGTH", itoa(len(body)), "SCGI", "1"}, params...) {
		header.WriteString(s + "\x00")
	}
	return fmt.Sprintf("%d:%s,%s", header.Len(), header.String(), body)
}

// length is what gateways have as CONTENT_LENGTH: nothing when there is no body.
func length(body string) string {
	if body == "" {
		return ""
	}
	return itoa(len(body))
}

var cgiParams = []string{"REQUEST_METHOD", "POST", "REQUEST_URI", "/a?b", "SERVER_PROTOCOL", "HTTP/1.0", "EMPTY", ""}

const okUWSGI = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok\n"

func TestUWSGIAndSCGI(t *testing.T) {
	t.Parallel()
	for protocol, c := range map[string]struct{ request, head string }{
		UWSGI: {uwsgiRequest("hello", cgiParams...), "HTTP/1.1 "},
		SCGI:  {scgiRequest("hello", cgiParams...), "Status: "},
	} {
		for _, listens := range []string{protocol, Any} {
			t.Run(protocol+" on "+listens, func(t *testing.T) {
				g := NewWithT(t)
				s := start(t, Spec{Protocol: listens, Script: Script{{Well{}}, {Well{Status: 503, Body: "no", Headers: []string{"Retry-After: 1"}}}}})
				got, how := exchangeAll(t, s, c.request)
				g.Expect(got).To(Equal(c.head + "200 OK\r\nContent-Type: text/plain\r\n\r\nok\n"))
				g.Expect(how).To(Equal(fin))
				got, _ = exchangeAll(t, s, c.request)
				g.Expect(got).To(Equal(c.head + "503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: text/plain\r\n\r\nno"))

				conn := s.Records()[0]
				g.Expect(conn.Protocol).To(Equal(protocol))
				r := conn.Requests[0]
				g.Expect([]string{r.Method, r.URI, r.Protocol}).To(Equal([]string{"POST", "/a?b", "HTTP/1.0"}))
				g.Expect(r.Param("CONTENT_LENGTH")).To(Equal("5"))
				g.Expect(r.Params[len(r.Params)-1]).To(Equal(Field{"EMPTY", ""}))
				g.Expect(r.Body.Start).To(Equal("hello"))
				g.Expect(r.Keep).To(BeFalse())
				g.Expect(r.Answered).NotTo(BeZero())
			})
		}
	}
}

func TestUWSGIAndSCGI_RefuseOtherProtocols(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ protocol, request, why string }{
		"uwsgi modifier": {UWSGI, "\x01\x00\x00\x00", "modifier1 is 1"},
		"uwsgi vars":     {UWSGI, "\x00\x05\x00\x00\x05\x00abc", "the uwsgi variables are cut short"},
		"scgi http":      {SCGI, getRoot, "does not begin with the size"},
		"scgi colon":     {SCGI, ":a", "does not begin with the size"},
		"scgi huge":      {SCGI, "9999999:a", "more than 1048576"},
		"scgi odd":       {SCGI, "5:abcd\x00,", "not a netstring of names"},
		"scgi comma":     {SCGI, "4:a\x00b\x00x", "not a netstring of names"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := start(t, Spec{Protocol: c.protocol})
			got, how := exchangeAll(t, s, c.request)
			g.Expect(got).To(BeEmpty())
			g.Expect(how).To(Equal(fin))
			r := s.Records()[0].Requests[0]
			g.Expect(r.Problem).To(ContainSubstring(c.why))
			g.Expect(r.Raw).NotTo(BeEmpty())
		})
	}
	for protocol, request := range map[string]string{UWSGI: uwsgiRequest("hello"), SCGI: scgiRequest("hello")} {
		for _, n := range []int{1, 3, 8, len(request) - 1} {
			s := start(t, Spec{Protocol: protocol})
			c := dial(t, s)
			send(t, c, request[:n])
			c.Close()
			NewWithT(t).Expect(closedRecord(t, s).Problem).To(ContainSubstring("the client closed within"))
		}
	}
}

func TestUWSGIAndSCGI_AnswersAreCut(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	cut := okUWSGI[:len(okUWSGI)-2]
	for ends, b := range map[string]Behaviour{fin: Close{At: AtBody}, rst: Reset{At: AtBody}} {
		s := start(t, Spec{Protocol: UWSGI, Script: Always(b)})
		got, how := exchangeAll(t, s, uwsgiRequest(""))
		g.Expect(got + how).To(Equal(cut + ends))
	}
	s := start(t, Spec{Protocol: SCGI, Script: Always(ShortBody{})})
	got, how := exchangeAll(t, s, scgiRequest(""))
	g.Expect(got).To(Equal("Status: 200 OK\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n\r\nok\n"))
	g.Expect(how).To(Equal(fin))
	s = start(t, Spec{Protocol: SCGI, Script: Always(LongBody{Extra: 2})})
	got, how = exchangeAll(t, s, scgiRequest(""))
	g.Expect(got).To(Equal("Status: 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nok\nxx"))
	g.Expect(how).To(Equal(fin), "there is no connection to keep")
}
