package fakeupstream

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/net/dns/dnsmessage"
)

// resolverAt is a client of the fake, over UDP or TCP, which asks once.
func resolverAt(s *Server, network string) *net.Resolver {
	return &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Addr().String())
	}}
}

func TestDNS_AnswersOverUDPAndTCP(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			g := NewWithT(t)
			s := start(t, Spec{Protocol: DNS, Script: Always(DNSAnswer{Addresses: []string{"10.0.0.5", "2001:db8::5"}, TTL: 60})})
			got, err := resolverAt(s, network).LookupHost(t.Context(), "app.internal.")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(ConsistOf("10.0.0.5", "2001:db8::5"))
			asked := map[string]bool{}
			for _, c := range s.Records() {
				g.Expect(c.Protocol).To(Equal(DNS))
				for _, r := range c.Requests {
					asked[r.Method+" "+r.URI] = true
				}
			}
			g.Expect(asked).To(Equal(map[string]bool{"A app.internal": true, "AAAA app.internal": true}))
		})
	}
}

func TestDNS_WellIsTheAddressThatWasAsked(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: DNS})
	got, err := resolverAt(s, "udp").LookupHost(t.Context(), "app.internal.")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal([]string{"127.0.0.1"}))
}

func TestDNS_Codes(t *testing.T) {
	t.Parallel()
	for code, want := range map[DNSCode]dnsmessage.RCode{DNSNoName: 3, DNSServerFailure: 2, DNSRefused: 5} {
		for _, network := range []string{"udp", "tcp"} {
			g := NewWithT(t)
			s := start(t, Spec{Protocol: DNS, Script: Always(DNSAnswer{Code: code})})
			m := ask(t, s, network)
			g.Expect(m.RCode).To(Equal(want), string(code))
			g.Expect(m.ID).To(BeEquivalentTo(7))
			g.Expect(m.Answers).To(BeEmpty())
			g.Expect(m.Questions).To(HaveLen(1))
		}
	}
}

func TestDNS_TTL(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	m := ask(t, start(t, Spec{Protocol: DNS, Script: Always(DNSAnswer{Addresses: []string{"10.0.0.5"}, TTL: 3600})}), "udp")
	g.Expect(m.Answers).To(HaveLen(1))
	g.Expect(m.Answers[0].Header.TTL).To(BeEquivalentTo(3600))
	g.Expect(m.Answers[0].Body).To(Equal(&dnsmessage.AResource{A: [4]byte{10, 0, 0, 5}}))
}

// ask puts one question, and returns the answer.
func ask(t *testing.T, s *Server, network string) (m dnsmessage.Message) {
	t.Helper()
	c, err := net.Dial(network, s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(testTimeout))
	question := dnsQuestion()
	if network == "udp" {
		question = question[2:]
	}
	send(t, c, question)
	b := make([]byte, 512)
	if network == "tcp" {
		length := read(t, c, 2)
		b = []byte(read(t, c, int(binary.BigEndian.Uint16([]byte(length)))))
	} else if n, err := c.Read(b); err != nil {
		t.Fatal(err)
	} else {
		b = b[:n]
	}
	if err := m.Unpack(b); err != nil {
		t.Fatal(err)
	}
	return m
}

// dnsQuestion is one for the address of app.internal, with its length before it.
func dnsQuestion() string {
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("app.internal."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}}}
	b, err := m.AppendPack(make([]byte, 2))
	if err != nil {
		panic(err)
	}
	binary.BigEndian.PutUint16(b, uint16(len(b)-2))
	return string(b)
}

func TestDNS_SilentAndClosed(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: DNS, Script: Always(Silent{})})
	c, err := net.Dial("udp", s.Addr().String())
	g.Expect(err).NotTo(HaveOccurred())
	defer c.Close()
	c.SetDeadline(time.Now().Add(testTimeout))
	send(t, c, dnsQuestion()[2:])
	waitRequests(t, s, 1)
	g.Expect(s.Close()).To(Succeed())
	g.Expect(s.Close()).To(Succeed())
	// Nobody listens any more, which the kernel says of the next datagram.
	g.Eventually(func() error { _, err := c.Write([]byte("?")); return err }, testTimeout, time.Millisecond).ShouldNot(Succeed())
}

func TestDNS_ResetListensOnAfterRefuse(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: DNS, Script: Always(Refuse{})})
	s.Reset()
	g.Expect(ask(t, s, "udp").Answers).To(HaveLen(1))
}

func TestDNS_WhatIsNoQuestion(t *testing.T) {
	t.Parallel()
	answer := DNSAnswer{}.message([]byte(dnsQuestion()))
	for _, bytes := range []string{"\x00\x03abc", "\x00\x0c" + string(make([]byte, 12)), string(answer)} {
		g := NewWithT(t)
		s := start(t, Spec{Protocol: DNS})
		got, how := exchangeAll(t, s, bytes)
		g.Expect(got).To(BeEmpty())
		g.Expect(how).To(Equal(fin))
		g.Expect(s.Records()[0].Requests[0].Problem).NotTo(BeEmpty())
	}
}

func TestDNS_WithAListenerOfTheCallersOnlyWhatThatBrings(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: DNS}, Options{Listen: net.Listen})
	g.Expect(ask(t, s, "tcp").Answers).To(HaveLen(1))
	packets, err := net.ListenPacket("udp", s.Addr().String())
	g.Expect(err).NotTo(HaveOccurred(), "nobody listens for datagrams")
	_ = packets.Close()
	_, err = New(Spec{Listen: "127.0.0.1:0", Protocol: DNS}, Options{ListenPacket: func(string, string) (net.PacketConn, error) {
		return nil, errors.New("no datagrams here")
	}})
	g.Expect(err).To(MatchError(ContainSubstring("no datagrams here")))
}

func TestDNSAnswer_Check(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		b    DNSAnswer
		on   string
		says string
	}{
		{DNSAnswer{Addresses: []string{"app"}}, DNS, `addresses[0]: "app" is no address`},
		{DNSAnswer{TTL: -1}, DNS, "ttl: -1 is negative"},
		{DNSAnswer{Code: "NXDOMIAN"}, DNS, `did you mean "NXDOMAIN"?`},
		{DNSAnswer{Code: DNSRefused, Addresses: []string{"10.0.0.5"}}, DNS, "code: an answer with a code has no addresses"},
		{DNSAnswer{}, HTTP, `works on protocol "dns" only`},
	} {
		NewWithT(t).Expect(c.b.Check(Endpoint{Protocol: c.on})).To(MatchError(ContainSubstring(c.says)))
	}
	NewWithT(t).Expect(Well{Status: 404}.Check(Endpoint{Protocol: DNS})).To(MatchError("status: DNS has no status; remove it"))
}

// The address of the datagrams is free at once, also while a program is being started, which has copies of all sockets for a moment.
func TestDNS_CloseLeavesTheAddressFree(t *testing.T) {
	g := NewWithT(t)
	spec := Spec{Listen: "127.0.0.1:0", Protocol: DNS}
	for range 300 {
		s, err := New(spec, Options{})
		g.Expect(err).NotTo(HaveOccurred())
		spec.Listen = s.Addr().String()
		g.Expect(s.Close()).To(Succeed())
	}
	s, err := New(spec, Options{})
	g.Expect(err).NotTo(HaveOccurred())
	closed := make(chan error, 1)
	syscall.ForkLock.Lock()
	go func() { closed <- s.Close() }()
	time.Sleep(50 * time.Millisecond)
	early := len(closed)
	syscall.ForkLock.Unlock()
	g.Expect(<-closed).To(Succeed())
	g.Expect(early).To(BeZero(), "it was closed while a program may have had a copy of the socket")
}
