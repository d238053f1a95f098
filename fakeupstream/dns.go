package fakeupstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/net/dns/dnsmessage"
)

// DNSAnswer answers a question of DNS (RFC 1035), whatever the name. A question for a type of which it has no record gets an answer
// without one. In another protocol, with [Any], it answers well.
type DNSAnswer struct {
	// Addresses are the records: "10.0.0.5" for a question of type A, "2001:db8::5" for one of AAAA.
	Addresses []string `json:"addresses,omitempty"`
	// TTL is for how many seconds a client may keep them.
	TTL int `json:"ttl,omitempty"`
	// Code is what went wrong, in place of an answer: DNSNoName, DNSServerFailure or DNSRefused.
	Code DNSCode `json:"code,omitempty"`
}

// DNSCode is the code of an answer, by its name in DNS; empty for none that is wrong.
type DNSCode string

// The codes.
const (
	DNSNoName        DNSCode = "NXDOMAIN" // there is no such name
	DNSServerFailure DNSCode = "SERVFAIL" // the server can't tell
	DNSRefused       DNSCode = "REFUSED"  // the server does not answer this client, or not for this name
)

var dnsCodes = map[DNSCode]dnsmessage.RCode{
	DNSNoName: dnsmessage.RCodeNameError, DNSServerFailure: dnsmessage.RCodeServerFailure, DNSRefused: dnsmessage.RCodeRefused,
}

func (b DNSAnswer) String() string {
	if b.Code != "" {
		return "answer " + string(b.Code)
	}
	return fmt.Sprintf("answer %s for %d s", strings.Join(b.Addresses, " "), b.TTL)
}

func (b DNSAnswer) Check(on Endpoint) error {
	for i, a := range b.Addresses {
		if _, err := netip.ParseAddr(a); err != nil {
			return fmt.Errorf(`addresses[%d]: %q is no address; give one such as "10.0.0.5"`, i, a)
		}
	}
	if b.Code != "" && len(b.Addresses) > 0 {
		return errors.New("code: an answer with a code has no addresses; give one of both")
	}
	return first(on.only(DNS), notNegative("ttl", b.TTL), oneOf("code", b.Code, DNSNoName, DNSServerFailure, DNSRefused))
}

func (b DNSAnswer) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	if x.lang.protocol() != DNS { // with Any, where no DNS is found
		return x.Answer(Well{})
	}
	_, err := x.Write(b.message(x.req.head))
	return err
}

// message is the answer to a question that readHead has found to be one. Both have their length before them, as over TCP.
func (b DNSAnswer) message(question []byte) []byte {
	var p dnsmessage.Parser
	head, _ := p.Start(question[2:])
	q, _ := p.Question()
	answer := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: head.ID, Response: true, Authoritative: true, RecursionDesired: head.RecursionDesired, RecursionAvailable: true, RCode: dnsCodes[b.Code],
		},
		Questions: []dnsmessage.Question{q},
	}
	for _, text := range b.Addresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			continue // which Check refuses
		}
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: uint32(b.TTL)}}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			r.Body = &dnsmessage.AResource{A: a.As4()}
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			r.Body = &dnsmessage.AAAAResource{AAAA: a.As16()}
		default:
			continue
		}
		answer.Answers = append(answer.Answers, r)
	}
	m, err := answer.AppendPack(make([]byte, 2, 512))
	if err != nil {
		return nil
	}
	binary.BigEndian.PutUint16(m, uint16(len(m)-2))
	return m
}

// dnsDialect is DNS as it is spoken over TCP: messages with their length before them (RFC 1035, 4.2.2).
type dnsDialect struct{ plain }

func (dnsDialect) protocol() string { return DNS }

// readHead reads a message, which is to be a question.
func (dnsDialect) readHead(x *Exchange) error {
	var length [2]byte
	if _, err := io.ReadFull(x.br, length[:]); err != nil {
		return cutShort(err, "a length")
	}
	r := &x.req
	r.head = append(slices.Grow(r.head[:0], 512), length[:]...)
	r.head = append(r.head, make([]byte, binary.BigEndian.Uint16(length[:]))...)
	if _, err := io.ReadFull(x.br, r.head[2:]); err != nil {
		return cutShort(err, "a message")
	}
	var p dnsmessage.Parser
	head, err := p.Start(r.head[2:])
	if err != nil || head.Response {
		return unreadable("not a question of DNS")
	}
	q, err := p.Question()
	if err != nil {
		return unreadable("a question of DNS without a name")
	}
	r.method = []byte(strings.TrimPrefix(q.Type.String(), "Type"))
	r.uri, r.keep = []byte(strings.TrimSuffix(q.Name.String(), ".")), true
	return nil
}

func (dnsDialect) readBody(*Exchange, int64, *bodySum) error { return nil }
func (dnsDialect) hasBody(*Exchange, *Well) bool             { return false }

// head is the whole of a well answer: the address that was asked.
func (dnsDialect) head(x *Exchange, _ *Well) []byte {
	own := "127.0.0.1"
	if a, err := netip.ParseAddrPort(x.wire.LocalAddr().String()); err == nil && !a.Addr().IsUnspecified() {
		own = a.Addr().Unmap().String()
	}
	return DNSAnswer{Addresses: []string{own}, TTL: 60}.message(x.req.head)
}

// A datagramListener accepts connections, and takes each datagram for a connection with one question.
type datagramListener struct {
	net.Listener
	packets net.PacketConn
	conns   chan accepted
	done    chan struct{}
	once    sync.Once
	readers sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

// withDatagrams adds the datagrams that come to the same address.
func withDatagrams(ln net.Listener, listen func(network, address string) (net.PacketConn, error)) (net.Listener, error) {
	packets, err := listen("udp", ln.Addr().String())
	if err != nil {
		_ = closeNow(ln)
		return nil, err
	}
	l := &datagramListener{Listener: ln, packets: packets, conns: make(chan accepted), done: make(chan struct{})}
	l.readers.Go(func() { l.forward(ln.Accept) })
	l.readers.Go(func() { l.forward(l.datagram) })
	return l, nil
}

// forward hands over what comes until nothing does any more.
func (l *datagramListener) forward(next func() (net.Conn, error)) {
	for {
		c, err := next()
		select {
		case l.conns <- accepted{c, err}:
		case <-l.done:
			if c != nil {
				_ = c.Close()
			}
			return
		}
	}
}

// datagram waits for the next datagram.
func (l *datagramListener) datagram() (net.Conn, error) {
	b := make([]byte, 2+1<<16)
	n, from, err := l.packets.ReadFrom(b[2:])
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(b, uint16(n))
	return &datagramConn{unread: slices.Clone(b[:2+n]), to: l.packets, from: from}, nil
}

// Accept waits for the next connection or datagram.
func (l *datagramListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c.conn, c.err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends both. The address is free when it returns: no reader holds the socket any more, and no program that is just being started has a
// copy of it, as there is of a listener's too, which does no harm there.
func (l *datagramListener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		close(l.done)
		err = closeNow(l.Listener)
		syscall.ForkLock.RLock()
		err = first(err, closeNow(l.packets))
		syscall.ForkLock.RUnlock()
		l.readers.Wait()
	})
	return err
}

// A datagramConn is a datagram as a connection that the client has closed for its part. What is written goes back as a datagram, without
// the length that stands before it over TCP.
type datagramConn struct {
	net.Conn // nil: it has no deadlines
	unread   []byte
	to       net.PacketConn
	from     net.Addr
}

func (c *datagramConn) Read(b []byte) (int, error) {
	if len(c.unread) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *datagramConn) Write(b []byte) (int, error) {
	if _, err := c.to.WriteTo(b[min(2, len(b)):], c.from); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *datagramConn) Close() error         { return nil }
func (c *datagramConn) LocalAddr() net.Addr  { return c.to.LocalAddr() }
func (c *datagramConn) RemoteAddr() net.Addr { return c.from }
