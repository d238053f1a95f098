package fakeupstream

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// exchanges are a request and its whole answer in each protocol that is text or near to it.
var exchanges = map[string]struct{ request, answer string }{
	HTTP:      {"GET / HTTP/1.1\r\n\r\n", okHTTP},
	FastCGI:   {fcgiRequest(true, ""), string(prebuild(&Well{}, FastCGI).whole[keeping])},
	UWSGI:     {uwsgiRequest("", "A", "b"), okUWSGI},
	SCGI:      {scgiRequest("", "A", "b"), okCGI},
	Memcached: {"get key\r\n", okMemcached},
	Stream:    {"?", "ok\n"},
}

const proxied4 = "PROXY TCP4 10.1.2.3 10.0.0.2 5555 80\r\n"

// proxied6 is a binary header with a TLV after the addresses.
func proxied6() string {
	b := append([]byte(proxy2Signature), 0x21, 0x21, 0, 40)
	b = append(b, net.ParseIP("2001:db8::1")...)
	b = append(b, net.ParseIP("2001:db8::2")...)
	b = binary.BigEndian.AppendUint16(b, 5555)
	b = binary.BigEndian.AppendUint16(b, 80)
	return string(append(b, 4, 0, 1, 0))
}

func TestAny_DetectsProtocolByteByByte(t *testing.T) {
	t.Parallel()
	for protocol, e := range exchanges {
		for name, header := range map[string]struct{ bytes, source string }{
			"": {"", ""}, "proxy v1 ": {proxied4, "10.1.2.3:5555"}, "proxy v2 ": {proxied6(), "[2001:db8::1]:5555"},
		} {
			t.Run(name+protocol, func(t *testing.T) {
				g := NewWithT(t)
				s := start(t, Spec{Protocol: Any})
				c := dial(t, s)
				for _, b := range []byte(header.bytes + e.request) {
					send(t, c, string([]byte{b}))
				}
				g.Expect(read(t, c, len(e.answer))).To(Equal(e.answer))
				r := s.Records()[0]
				g.Expect(r.Protocol).To(Equal(protocol))
				g.Expect(r.Proxied).To(Equal(header.source))
				g.Expect(r.TLS).To(BeNil())
				g.Expect(r.Requests).To(HaveLen(1))
			})
		}
	}
}

// anyTLS does a handshake with an upstream of Any, in which the ClientHello comes byte by byte after some header.
func anyTLS(t *testing.T, s *Server, header string, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	c := dial(t, s)
	send(t, c, header)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA())
	config.RootCAs = pool
	over := tls.Client(slow{c}, config)
	return over, over.Handshake()
}

// slow writes byte by byte.
type slow struct{ net.Conn }

func (c slow) Write(p []byte) (n int, err error) {
	for n = range p {
		if _, err = c.Conn.Write(p[n : n+1]); err != nil {
			return n, err
		}
	}
	return len(p), nil
}

func TestAny_DetectsProtocolInTLS(t *testing.T) {
	t.Parallel()
	for protocol, e := range exchanges {
		for _, header := range []string{"", proxied4} {
			t.Run(protocol, func(t *testing.T) {
				g := NewWithT(t)
				s := start(t, Spec{Protocol: Any})
				c, err := anyTLS(t, s, header, &tls.Config{ServerName: "shop.example.test"})
				g.Expect(err).NotTo(HaveOccurred(), "the certificate is for the name that was asked for")
				send(t, c, e.request)
				g.Expect(read(t, c, len(e.answer))).To(Equal(e.answer))
				r := s.Records()[0]
				g.Expect(r.Protocol).To(Equal(protocol))
				g.Expect(r.Proxied != "").To(Equal(header != ""))
				g.Expect(r.TLS).To(Equal(&TLSRecord{ServerName: "shop.example.test", Version: "TLS 1.3"}))
			})
		}
	}
}

func TestAny_NegotiatesALPN(t *testing.T) {
	t.Parallel()
	for want, offered := range map[string][]string{
		"h2": {"http/1.1", "h2"}, "http/1.1": {"foo", "http/1.1"}, "postgresql": {"postgresql", "other"},
	} {
		g := NewWithT(t)
		s := start(t, Spec{Protocol: Any})
		c, err := anyTLS(t, s, "", &tls.Config{ServerName: "a.test", NextProtos: offered})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(c.ConnectionState().NegotiatedProtocol).To(Equal(want))
		send(t, c, getRoot)
		g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP))
		g.Expect(s.Records()[0].TLS.ALPN).To(Equal(want))
	}
}

func TestAny_RecordsClientCertificate(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: Any})
	cert, err := NewAuthority("of somebody else").Issue("client")
	g.Expect(err).NotTo(HaveOccurred())
	for _, certs := range [][]tls.Certificate{nil, {cert}} {
		c, err := anyTLS(t, s, "", &tls.Config{ServerName: "a.test", GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if certs == nil {
				return &tls.Certificate{}, nil
			}
			return &certs[0], nil
		}})
		g.Expect(err).NotTo(HaveOccurred())
		send(t, c, getRoot)
		g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP))
	}
	g.Expect(s.Records()[0].TLS.ClientCert).To(BeFalse())
	g.Expect(s.Records()[1].TLS.ClientCert).To(BeTrue())
}

// Without SNI the certificate is for the address that was called; names that are given are always in it.
func TestAny_CertificateIsForSNI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	_, err := anyTLS(t, start(t, Spec{Protocol: Any}), "", &tls.Config{ServerName: "127.0.0.1"})
	g.Expect(err).NotTo(HaveOccurred())
	s := start(t, Spec{Protocol: Any, TLS: &TLS{Names: []string{"mine.test"}}})
	for sni, want := range map[string][]string{"other.test": {"other.test", "mine.test"}, "": {"mine.test"}} {
		c, err := anyTLS(t, s, "", &tls.Config{ServerName: sni, InsecureSkipVerify: true})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(c.ConnectionState().PeerCertificates[0].DNSNames).To(Equal(want))
	}
}

func TestAny_TLSFaults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[TLSFault]string{
		TLSExpired: "expired", TLSNotYetValid: "not yet valid", TLSWrongName: "wrong.invalid", TLSSelfSigned: "unknown authority",
		TLSUnknownIssuer: "unknown authority", TLSClose: "EOF", TLSReset: "reset", TLSUnrecognizedName: "unrecognized name",
		TLSHandshakeFailure: "handshake failure", TLSInternalError: "internal error", TLSOldProtocol: "protocol version",
		TLSPlain: "does not look like a TLS handshake",
	} {
		t.Run(string(fault), func(t *testing.T) {
			g := NewWithT(t)
			s := start(t, Spec{Protocol: Any, TLS: &TLS{Fault: fault}})
			c := dial(t, s)
			send(t, c, getRoot)
			g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP), "plain text is served as ever")

			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(s.CA())
			over := tls.Client(dial(t, s), &tls.Config{RootCAs: pool, ServerName: "a.test"})
			g.Expect(over.Handshake()).To(MatchError(ContainSubstring(want)))

			s.Reset()
			_, err := anyTLS(t, s, "", &tls.Config{ServerName: "a.test"})
			g.Expect(err).NotTo(HaveOccurred())
		})
	}
}

// A plain server takes a ClientHello for a bad request.
func TestAny_PlainAnswersAClientHelloWith400(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: Any, TLS: &TLS{Fault: TLSPlain}})
	got, how := exchangeAll(t, s, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+filler(80))
	g.Expect(got).To(HavePrefix("HTTP/1.1 400 Bad Request\r\n"))
	g.Expect(how).To(Equal(fin))
	r := s.Records()[0]
	g.Expect(r.Protocol).To(Equal(HTTP))
	g.Expect(r.TLS).To(BeNil())
	g.Expect(r.Requests[0].Problem).To(ContainSubstring("plain text"))
	g.Expect(r.Requests[0].Raw).To(HavePrefix("\x16\x03\x01"))
}

func TestAny_ActsBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: Any, Script: Always(Close{At: AtAccept})})
	got, how := exchangeAll(t, s, "")
	g.Expect(got + how).To(Equal(fin))
	g.Expect(s.Records()[0].Protocol).To(BeEmpty())

	got, _ = readAll(t, dial(t, start(t, Spec{Protocol: Any, Script: Always(Raw{At: AtAccept, Text: "hello"})})))
	g.Expect(got).To(Equal("hello"))
}

// When no more comes than the beginning of something, it is a stream.
func TestAny_TakesAnUndecidedPrefixForAStream(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: Any})
	c := dial(t, s)
	send(t, c, "GE")
	c.(*net.TCPConn).CloseWrite()
	g.Expect(read(t, c, 3)).To(Equal("ok\n"))
	g.Expect(s.Records()[0].Protocol).To(Equal(Stream))
}

func TestAny_BadProxyHeaders(t *testing.T) {
	t.Parallel()
	unix := append([]byte(proxy2Signature), 0x21, 0x31, 0, 216)
	unix = append(unix, "/run/a.sock"...)
	unix = append(unix, make([]byte, 216-len("/run/a.sock"))...)
	for name, c := range map[string]struct{ header, source string }{
		"unknown": {"PROXY UNKNOWN a b c\r\n", noSource},
		"local":   {proxy2Signature + "\x20\x00\x00\x00", noSource},
		"unspec":  {proxy2Signature + "\x21\x00\x00\x02ab", noSource},
		"short":   {proxy2Signature + "\x21\x11\x00\x02ab", noSource},
		"unix":    {string(unix), "/run/a.sock"},
		"tcp6":    {"PROXY TCP6 ::1 ::1 1 2\r\n", "[::1]:1"},

		"words":   {"PROXY TCP4 a b\r\n", ""},
		"port":    {"PROXY TCP4 10.0.0.1 10.0.0.2 x y\r\n", ""},
		"long":    {"PROXY TCP4 " + filler(200), ""},
		"command": {proxy2Signature + "\x31\x11\x00\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := start(t, Spec{Protocol: Any, Script: Always(Well{Close: true})})
			got, how := exchangeAll(t, s, c.header+getRoot)
			g.Expect(how).To(Equal(fin))
			r := s.Records()[0]
			g.Expect(r.Proxied).To(Equal(c.source))
			if c.source == "" {
				g.Expect(got).To(BeEmpty())
				g.Expect(r.Requests[0].Problem).To(ContainSubstring("PROXY protocol"))
			} else {
				g.Expect(got).To(HaveSuffix("ok\n"))
			}
		})
	}
}

// Every behaviour does something on every protocol, and lets its connection end.
func TestAny_EveryBehaviourOnEveryProtocol(t *testing.T) {
	t.Parallel()
	needs := map[string]Behaviour{
		"delay": Delay{For: 1}, "drip": Drip{Every: 1, Bytes: 50}, "wrong-protocol": WrongProtocol{Speak: SpeakHTTP},
		"bad-header": BadHeader{Fault: HeaderVersion}, "bad-chunk": BadChunk{Fault: ChunkShort},
		"mysql-error":        MySQLError{Code: 1040, Message: "Too many connections"},
		"fastcgi-bad-record": FastCGIBadRecord{Fault: RecordTruncated},
	}
	for _, e := range Behaviours() {
		b := needs[e.Name]
		if b == nil {
			b = e.Zero
		}
		if _, ok := b.(listenerBehaviour); ok {
			continue
		}
		for protocol, x := range exchanges {
			t.Run(e.Name+" on "+protocol, func(t *testing.T) {
				g := NewWithT(t)
				s := start(t, Spec{Protocol: Any, Script: Script{{b, Close{}}}})
				c := dial(t, s)
				send(t, c, x.request)
				waitStarted(t, s)
				c.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, c)
				c.Close()
				r := closedRecord(t, s)
				g.Expect(r.Protocol).To(Equal(protocol))
				g.Expect(r.Problem).To(Or(BeEmpty(), ContainSubstring("reset by peer"), ContainSubstring("broken pipe")))
				g.Expect(r.Requests[0].Did).To(Equal(b.String()))
			})
		}
	}
}

// waitStarted waits until a request is on record.
func waitStarted(t *testing.T, s *Server) {
	t.Helper()
	NewWithT(t).Eventually(func() bool {
		r := s.Records()
		return len(r) > 0 && len(r[0].Requests) > 0
	}, testTimeout).Should(BeTrue())
}

func TestWrongProtocol_IsNeverTheRightOne(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for protocol, want := range map[string]string{HTTP: "\x01\x06", FastCGI: "HTTP/1.1", UWSGI: "\x01\x06", SCGI: "\x01\x06", Memcached: "HTTP/1.1"} {
		speak := SpeakHTTP
		if protocol == FastCGI {
			speak = SpeakFastCGI
		}
		got, _ := exchangeAll(t, start(t, Spec{Protocol: Any, Script: Always(WrongProtocol{Speak: speak})}), exchanges[protocol].request)
		g.Expect(got).To(HavePrefix(want), protocol)
	}
}

// closeNotifier is a connection that tells when it is closed.
type closeNotifier struct {
	net.Conn
	closed chan struct{}
	once   *sync.Once
}

func (c closeNotifier) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Whatever bytes come, in whatever protocol, the upstream survives them, and is done when the client has left.
func FuzzProtocols(f *testing.F) {
	for _, c := range openings {
		f.Add([]byte(c.bytes))
		f.Add([]byte(proxied4 + c.bytes))
	}
	for _, e := range exchanges {
		f.Add([]byte(e.request))
	}
	f.Add([]byte(proxied6()))
	f.Add([]byte(resp("SET", "key", "value")))
	f.Add([]byte(dnsQuestion()))
	var all []*Server
	var lines []*chanListener
	for _, p := range protocols {
		h := newChanListener()
		s, err := New(Spec{Listen: "127.0.0.1:0", Protocol: p}, Options{Listen: h.listen})
		if err != nil {
			f.Fatal(err)
		}
		all, lines = append(all, s), append(lines, h)
	}
	f.Cleanup(func() {
		for _, s := range all {
			s.Close()
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		for i, h := range lines {
			mine, theirs := net.Pipe()
			c := closeNotifier{theirs, make(chan struct{}), new(sync.Once)}
			h.conns <- c
			go func() { _, _ = io.Copy(io.Discard, mine) }()
			mine.Write(b)
			mine.Close()
			select {
			case <-c.closed:
			case <-time.After(testTimeout):
				t.Fatalf("%s: the connection outlives its client", protocols[i])
			}
		}
	})
}
