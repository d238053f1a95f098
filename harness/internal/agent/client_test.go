//go:build linux

package agent

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A client that begins with HTTP/2 sends the request that he was given.
func TestVisitorBeginsWithHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/resets" {
			panic(http.ErrAbortHandler)
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s %s %q", r.Proto, r.Method, r.Host, r.URL, r.Header.Get("Te"), body)
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	a := &probe{w: &catchAll{busy: &activityTracker{}}, spec: agentapi.ProbeSpec{
		Raw:  []byte("POST /a?b=1 HTTP/1.1\r\nHost: rpc.test\r\nConnection: close\r\nTe: trailers\r\nContent-Length: 4\r\n\r\n"),
		Body: "four",
	}}
	resp, err := a.overHTTP2(dial())
	if err != nil {
		t.Fatal(err)
	}
	a.read(resp)
	if want := `HTTP/2.0 POST rpc.test /a?b=1 trailers "four"`; a.answer.Status != 200 || a.answer.Body != want {
		t.Errorf("%d %s, not %s", a.answer.Status, a.answer.Body, want)
	}
	a.spec.Raw, a.spec.Body = []byte("GET /resets HTTP/1.1\r\nHost: rpc.test\r\n\r\n"), ""
	if _, err := a.overHTTP2(dial()); err == nil || howItEnded(err) != "reset" {
		t.Errorf("the gateway resets the request: %v", err)
	}
}

func TestWholeBody_EndsWhereTheClientStalls(t *testing.T) {
	for _, c := range []struct{ times, stalls, want int }{{0, 0, 4}, {3, 0, 12}, {3, 5, 5}, {1, 9, 4}} {
		if got := wholeBody(agentapi.AskSpec{Body: "abcd", Times: c.times, Stalls: c.stalls}); len(got) != c.want {
			t.Errorf("%d times, stalling after %d: %q", c.times, c.stalls, got)
		}
	}
}
