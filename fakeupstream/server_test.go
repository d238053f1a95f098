package fakeupstream

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

func TestScript_GoesByConnectionAndRequest(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	body := func(s string) Well { return Well{Body: s} }
	s := start(t, Spec{Script: Script{{body("1.1"), body("1.2")}, {Reset{}}, {body("3.x")}}})
	ask := func(c net.Conn) string {
		send(t, c, getRoot)
		return read(t, c, len(okHTTP))[len(okHTTP)-3:]
	}
	c := dial(t, s)
	g.Expect([]string{ask(c), ask(c), ask(c)}).To(Equal([]string{"1.1", "1.2", "1.2"}))
	_, how := exchangeAll(t, s, getRoot)
	g.Expect(how).To(Equal(rst))
	for range 2 {
		c = dial(t, s)
		g.Expect([]string{ask(c), ask(c)}).To(Equal([]string{"3.x", "3.x"}))
	}
}

func TestFailFirst(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Script: FailFirst(2, Close{})})
	var got []string
	for range 4 {
		answer, _ := exchangeAll(t, s, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
		got = append(got, answer[max(0, len(answer)-3):])
	}
	g.Expect(got).To(Equal([]string{"", "", "ok\n", "ok\n"}))
}

func TestServer_ShortForms(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s, err := NewHTTP("127.0.0.1:0", Well{Status: 500, Close: true})
	g.Expect(err).NotTo(HaveOccurred())
	defer s.Close()
	got, _ := exchangeAll(t, s, getRoot)
	g.Expect(got).To(HavePrefix("HTTP/1.1 500 "))
	f, err := NewFastCGI("127.0.0.1:0")
	g.Expect(err).NotTo(HaveOccurred())
	defer f.Close()
	got, _ = exchangeAll(t, f, fcgiRequest(false, ""))
	g.Expect(got).To(ContainSubstring("Status: 200 OK"))
}

func TestServer_CloseThenNewOnTheSameAddress(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "s")} {
		g := NewWithT(t)
		for i := range 30 {
			s, err := New(Spec{Listen: listen, Script: Always(Well{Status: 200 + i})}, Options{})
			g.Expect(err).NotTo(HaveOccurred())
			if s.network == "tcp" {
				listen = s.Addr().String()
			}
			c := dial(t, s) // stays open over Close
			send(t, c, getRoot)
			g.Expect(read(t, c, 12)).To(Equal("HTTP/1.1 " + itoa(200+i)))
			g.Expect(s.Close()).To(Succeed())
			g.Expect(s.Close()).To(Succeed())
		}
	}
}

func TestServer_UnixSocketModeAndStaleFile(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "s")
	s := start(t, Spec{Listen: "unix:" + path, Mode: "0640"})
	info, err := os.Stat(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o640)))
	_, err = New(Spec{Listen: "unix:" + path}, Options{})
	g.Expect(err).To(MatchError(ContainSubstring("another process listens on")))
	g.Expect(s.Close()).To(Succeed())

	s = start(t, Spec{Listen: "unix:" + path})
	info, _ = os.Stat(path)
	g.Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o666)))
	g.Expect(s.Close()).To(Succeed())

	g.Expect(os.WriteFile(path, nil, 0o600)).To(Succeed())
	_, err = New(Spec{Listen: "unix:" + path}, Options{})
	g.Expect(err).To(HaveOccurred(), "a file that is no socket stays")
	g.Expect(path).To(BeARegularFile())
}

func TestServer_ResetDropsScriptAndRecords(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Silent{})
	c := dial(t, s)
	send(t, c, getRoot)
	waitRequests(t, s, 1)
	s.Reset()
	_, how := readAll(t, c)
	g.Expect(how).To(Equal(fin))
	g.Expect(s.Records()).To(BeEmpty())
	c = dial(t, s)
	send(t, c, getRoot)
	g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP))
	g.Expect(s.Records()).To(HaveLen(1))
	g.Expect(s.Records()[0].Number).To(Equal(1))
	g.Expect(s.Spec().Script).To(BeNil())
}

func TestServer_WaitRequestsAndConnections(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Silent{})
	ctx := context.Background()
	got := make(chan error, 2)
	go func() { got <- s.WaitConnections(ctx, 2) }()
	go func() { got <- s.WaitRequests(ctx, 2) }()
	for range 2 {
		send(t, dial(t, s), getRoot)
	}
	g.Expect(<-got).To(Succeed())
	g.Expect(<-got).To(Succeed())

	over, cancel := context.WithCancel(ctx)
	cancel()
	g.Expect(s.WaitRequests(over, 3)).To(MatchError("saw 2 of 3 requests: context canceled"))
	go func() { got <- s.WaitConnections(ctx, 3) }()
	s.Close()
	g.Expect(<-got).To(MatchError("the upstream was closed after 2 of 3 connections"))
}

func TestServer_RecordsAreBoundedAndCopies(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t)
	c := dial(t, s)
	for range keepRequests + 5 {
		send(t, c, getRoot)
		read(t, c, len(okHTTP))
	}
	r := s.Records()
	g.Expect(r[0].Requests).To(HaveLen(keepRequests))
	g.Expect(r[0].RequestCount).To(Equal(keepRequests + 5))
	g.Expect(r[0].BytesIn).To(BeEquivalentTo((keepRequests + 5) * len(getRoot)))
	g.Expect(r[0].BytesOut).To(BeEquivalentTo((keepRequests + 5) * len(okHTTP)))
	r[0].Requests[0].Headers[0].Value = "changed"
	g.Expect(s.Records()[0].Requests[0].Header("Host")).To(Equal("test"))
	connections, requests := s.Counts()
	g.Expect([]int{connections, requests}).To(Equal([]int{1, keepRequests + 5}))
}

func TestServer_OptionsListenAndObserve(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	var mu sync.Mutex
	var lines []string
	clock := newFakeClock()
	s := start(t, Spec{Name: "app", Listen: "10.11.12.13:80", Script: Always(Reset{At: AtHeader})}, Options{
		Listen: func(network, address string) (net.Listener, error) {
			g.Expect(network + " " + address).To(Equal("tcp 10.11.12.13:80"))
			return net.Listen("tcp", "127.0.0.1:0")
		},
		Clock: clock,
		Observe: func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			g.Expect(e.Time).To(Equal(clock.Now()))
			lines = append(lines, e.String())
		},
	})
	c := dial(t, s)
	from := c.LocalAddr().String()
	send(t, c, getRoot)
	readAll(t, c)
	s.Close()
	g.Expect(lines).To(Equal([]string{
		"app: listening on " + s.Addr().String(),
		"app connection 1 from " + from + ": opened",
		"app connection 1 from " + from + ": GET / -> reset at header",
		"app connection 1 from " + from + ": closed by upstream",
		"app: stopped",
	}))
	_, err := New(Spec{Listen: ":0"}, Options{Listen: func(string, string) (net.Listener, error) { return nil, errors.New("no way") }})
	g.Expect(err).To(MatchError(`upstream ":0": listen: no way`))
}
