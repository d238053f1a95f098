package fakeupstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// dialTLS does a handshake with an upstream, trusting its authority.
func dialTLS(t *testing.T, s *Server, certs ...tls.Certificate) (*tls.Conn, error) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA())
	c := tls.Client(dial(t, s), &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: certs})
	return c, c.Handshake()
}

func withTLS(t *testing.T, fault TLSFault) *Server {
	return start(t, Spec{TLS: &TLS{Fault: fault}})
}

func TestTLSWell(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := withTLS(t, "")
	c, err := dialTLS(t, s)
	g.Expect(err).NotTo(HaveOccurred())
	send(t, c, "GET / HTTP/1.0\r\n\r\n")
	b, err := io.ReadAll(c)
	g.Expect(err).NotTo(HaveOccurred(), "the end comes with close_notify")
	g.Expect(string(b)).To(HaveSuffix("ok\n"))
	g.Expect(s.Records()[0].TLS).To(Equal(&TLSRecord{ServerName: "localhost", Version: "TLS 1.3"}))
}

func TestTLSBadCertificates(t *testing.T) {
	t.Parallel()
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	for fault, want := range map[TLSFault]any{
		TLSExpired: &invalid, TLSNotYetValid: &invalid, TLSWrongName: &name,
		TLSSelfSigned: &unknown, TLSUnknownIssuer: &unknown,
	} {
		t.Run(string(fault), func(t *testing.T) {
			g := NewWithT(t)
			s := withTLS(t, fault)
			_, err := dialTLS(t, s)
			g.Expect(errors.As(err, want)).To(BeTrue(), "got %v", err)
			r := closedRecord(t, s)
			g.Expect(r.ClosedBy).To(Equal(ByClient))
			g.Expect(r.Problem).To(ContainSubstring("bad certificate"))
		})
	}
}

func TestTLSAlerts(t *testing.T) {
	t.Parallel()
	for fault, alert := range map[TLSFault]byte{TLSUnrecognizedName: 112, TLSHandshakeFailure: 40, TLSInternalError: 80} {
		t.Run(string(fault), func(t *testing.T) {
			s := withTLS(t, fault)
			hello := "\x16\x03\x01\x00\x04\x01\x00\x00\x00"
			got, how := exchangeAll(t, s, hello)
			NewWithT(t).Expect(got).To(Equal("\x15\x03\x03\x00\x02\x02" + string(rune(alert))))
			NewWithT(t).Expect(how).To(Equal(fin))
			_, err := dialTLS(t, s)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(strings.ReplaceAll(string(fault), "-", " "))))
		})
	}
}

func TestTLSHandshakeEnds(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := withTLS(t, TLSClose)
	_, err := dialTLS(t, s)
	g.Expect(err).To(MatchError(io.EOF))
	s = withTLS(t, TLSReset)
	_, err = dialTLS(t, s)
	g.Expect(ended(t, err)).To(Equal(rst))
	g.Expect(closedRecord(t, s).Did).To(Equal("TLS reset"))
}

func TestTLSStalled(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := withTLS(t, TLSStalled)
	result := make(chan error)
	go func() {
		_, err := dialTLS(t, s)
		result <- err
	}()
	g.Eventually(func() string { return firstDid(s) }, testTimeout).Should(Equal("TLS stalled"))
	s.Close()
	g.Expect(<-result).To(HaveOccurred())
	g.Expect(s.Records()[0].BytesOut).To(BeZero())
}

func TestTLSPlain(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := withTLS(t, TLSPlain)
	_, err := dialTLS(t, s)
	var header tls.RecordHeaderError
	g.Expect(errors.As(err, &header)).To(BeTrue(), "got %v", err)
	got, _ := exchangeAll(t, s, "GET / HTTP/1.0\r\n\r\n")
	g.Expect(got).To(HaveSuffix("ok\n"))
}

func TestTLSOldProtocol(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := withTLS(t, TLSOldProtocol)
	c, err := dialTLS(t, s)
	g.Expect(err).To(MatchError(ContainSubstring("protocol version")))
	c.Close()
	g.Expect(closedRecord(t, s).ClosedBy).To(Equal(ByUpstream))

	c = tls.Client(dial(t, s), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
	g.Expect(c.Handshake()).To(Succeed())
	g.Expect(c.ConnectionState().Version).To(BeEquivalentTo(tls.VersionTLS11))
}

func TestTLSClientCert(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := withTLS(t, TLSClientCert)
	c, err := dialTLS(t, s)
	if err == nil { // in TLS 1.3 the client learns of it with its first read
		_, err = c.Read(make([]byte, 1))
	}
	g.Expect(err).To(MatchError(ContainSubstring("certificate required")))

	cert, err := NewAuthority("badgateway").Issue("client")
	g.Expect(err).NotTo(HaveOccurred())
	c, err = dialTLS(t, s, cert)
	g.Expect(err).NotTo(HaveOccurred())
	send(t, c, getRoot)
	g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP))
}

// In TLS 1.2 the last record on the wire reports whether there was a close_notify.
func TestTLSNoCloseNotify(t *testing.T) {
	t.Parallel()
	const alert, data = 21, 23
	for fault, want := range map[TLSFault]byte{"": alert, TLSNoCloseNotify: data} {
		g := NewWithT(t)
		tap := &tapped{Conn: dial(t, withTLS(t, fault))}
		c := tls.Client(tap, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
		send(t, c, "GET / HTTP/1.0\r\n\r\n")
		_, err := io.ReadAll(c)
		g.Expect(err).NotTo(HaveOccurred())
		_, _ = io.Copy(io.Discard, tap)
		var last byte
		for b := tap.seen; len(b) > 0; b = b[5+int(b[3])<<8+int(b[4]):] {
			last = b[0]
		}
		g.Expect(last).To(Equal(want))
	}
}

// tapped keeps what was read.
type tapped struct {
	net.Conn
	seen []byte
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.seen = append(c.seen, p[:n]...)
	return n, err
}

// A behaviour at accept strikes before the handshake, others within TLS.
func TestTLS_WithBehaviours(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{TLS: &TLS{}, Script: Script{{Close{At: AtAccept}}, {Reset{At: AtBody}}}})
	_, err := dialTLS(t, s)
	g.Expect(err).To(MatchError(io.EOF))
	c, err := dialTLS(t, s)
	g.Expect(err).NotTo(HaveOccurred())
	send(t, c, getRoot)
	b, err := io.ReadAll(c)
	g.Expect(string(b)).To(Equal(okHTTP[:len(okHTTP)-2]))
	g.Expect(ended(t, err)).To(Equal(rst))
}

func TestTLSReset(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := withTLS(t, TLSExpired)
	s.Reset()
	_, err := dialTLS(t, s)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Spec().TLS.Fault).To(BeEmpty())
}

func TestAuthority_IsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	a, b := NewAuthority("x"), NewAuthority("x")
	g.Expect(a).To(Equal(b))
	g.Expect(a).NotTo(Equal(NewAuthority("y")))
	one, err := a.Issue("example.test", "10.0.0.1")
	g.Expect(err).NotTo(HaveOccurred())
	two, _ := b.Issue("example.test", "10.0.0.1")
	g.Expect(one.Certificate).To(Equal(two.Certificate))
	g.Expect(one.Leaf.DNSNames).To(Equal([]string{"example.test"}))
	g.Expect(one.Leaf.IPAddresses[0].Equal(net.IPv4(10, 0, 0, 1))).To(BeTrue())
	pool, err := a.Pool()
	g.Expect(err).NotTo(HaveOccurred())
	for _, year := range []int{2001, 2026, 2098} {
		_, err = one.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: "example.test", CurrentTime: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)})
		g.Expect(err).NotTo(HaveOccurred())
	}
}

func TestAuthority_IsShared(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	a := NewAuthority("shared")
	s := start(t, Spec{TLS: &TLS{Authority: &a}})
	g.Expect(string(s.CA())).To(Equal(a.Certificate))
	_, err := dialTLS(t, s)
	g.Expect(err).NotTo(HaveOccurred())
	err = Spec{Listen: "127.0.0.1:0", TLS: &TLS{Authority: &Authority{Certificate: a.Certificate}}}.Validate()
	g.Expect(err).To(MatchError(ContainSubstring("tls.authority: give both certificate and key")))
}
