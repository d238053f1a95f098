//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// clientConn is a client's connection to the gateway. Requests go over it one after the other.
type clientConn struct {
	*net.TCPConn
	over  net.Conn        // what the requests go over: the connection itself, or TLS on it
	http2 *http.Transport // nil where they are HTTP/1.1
}

// keptConn tells the connections apart that clients keep.
type keptConn struct {
	client, to, serverName string
	tls, http2             bool
}

func keptBy(spec agentapi.AskSpec) keptConn {
	return keptConn{spec.Keep, spec.To, spec.ServerName, spec.TLS, spec.HTTP2}
}

// connect is the connection that a client asks over: the one that it kept, if the gateway has not closed that, or a new one.
func (c *sandbox) connect(ctx context.Context, spec agentapi.AskSpec) (conn *clientConn, reused bool, err error) {
	if conn, err := c.takeKept(spec); conn != nil || err != nil {
		return conn, true, err
	}
	from, err := netip.ParseAddr(spec.From)
	if err != nil {
		return nil, false, fmt.Errorf("the visitor's address: %w", err)
	}
	d := net.Dialer{Timeout: spec.Limit, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	err = c.online(func() error {
		tcp, err := d.DialContext(ctx, "tcp", spec.To)
		if err == nil {
			conn = &clientConn{TCPConn: tcp.(*net.TCPConn), over: tcp}
		}
		return err
	})
	return conn, false, err
}

// takeKept is the connection that a client kept; nil when there is none, or the gateway has closed it.
func (c *sandbox) takeKept(spec agentapi.AskSpec) (*clientConn, error) {
	if spec.Keep == "" {
		return nil, nil
	}
	c.mu.Lock()
	conn := c.kept[keptBy(spec)]
	delete(c.kept, keptBy(spec))
	c.mu.Unlock()
	if conn == nil {
		return nil, nil
	}
	s, there, err := c.gatewaysEnd(conn)
	if err == nil && there && s.state == tcpEstablished && s.inode != 0 {
		return conn, nil
	}
	conn.Close()
	return nil, err
}

// keep leaves a connection open for the client's next request.
func (c *sandbox) keep(spec agentapi.AskSpec, conn *clientConn) {
	_ = conn.SetDeadline(time.Time{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.kept[keptBy(spec)]; other != nil {
		other.Close()
	}
	c.kept[keptBy(spec)] = conn
}

// startTLS makes the handshake of TLS. A gateway that does not agree to speak what the client has to speak is errNoHTTP2.
func (conn *clientConn) startTLS(ctx context.Context, spec agentapi.AskSpec) error {
	ctx, cancel := context.WithTimeout(ctx, spec.Limit)
	defer cancel()
	offered := ""
	if spec.HTTP2 {
		offered = "h2"
	}
	t := tls.Client(conn.TCPConn, tlsOf(spec.ServerName, offered, ""))
	conn.over = t
	err := t.HandshakeContext(ctx)
	// It says so by an alert (RFC 7301, 3.2), which crypto/tls has no exported type for, or by not choosing.
	if err != nil && strings.Contains(err.Error(), "no application protocol") || err == nil && t.ConnectionState().NegotiatedProtocol != offered {
		return errNoHTTP2
	}
	return err
}

var errNoHTTP2 = errors.New("the gateway does not speak HTTP/2 there: it does not choose h2 by ALPN")

// clientAuthority signs the clients' certificates and the upstreams'.
var clientAuthority = fakeupstream.NewAuthority("badgateway")

// tlsVersions are the versions by the names that nginx has for them.
var tlsVersions = map[string]uint16{
	"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13,
}

// tlsOf is the TLS of a client that takes any certificate. It offers the protocol, unless that is empty, and speaks the version,
// or any if none is named.
func tlsOf(serverName, protocol, version string) *tls.Config {
	config := &tls.Config{
		ServerName: serverName, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := clientAuthority.Issue("visitor")
			return &cert, err
		},
	}
	if protocol != "" {
		config.NextProtos = []string{protocol}
	}
	if v := tlsVersions[version]; v != 0 {
		config.MinVersion, config.MaxVersion = v, v // who reads on the way may take any that is offered for the one
	}
	return config
}

// http2Over sends requests over a connection that begins with HTTP/2 (RFC 9113, 3.3), or has agreed on it by TLS.
func http2Over(conn net.Conn) *http.Transport {
	dial := once(conn)
	t := &http.Transport{DisableCompression: true, DialContext: dial, DialTLSContext: dial, Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(true)
	return t
}

// once gives a connection to the first who dials. Who dials again has seen the gateway close it.
func once(conn net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		if conn == nil {
			return nil, io.ErrUnexpectedEOF
		}
		first := conn
		conn = nil
		return first, nil
	}
}

// http2Request is a request as HTTP/2 has it, of one as HTTP/1.1 writes it.
func http2Request(ctx context.Context, scheme string, raw []byte, body string) (*http.Request, error) {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(bytes.Clone(raw), body...))))
	if err != nil {
		return nil, fmt.Errorf("reading the visitor's request: %w", err)
	}
	req.URL.Scheme, req.URL.Host, req.RequestURI = scheme, req.Host, ""
	req.Header.Del("Connection") // RFC 9113, 8.2.2
	req.Close = false
	return req.WithContext(ctx), nil
}

// wholeBody is the body as it goes over the wire, as far as it does.
func wholeBody(spec agentapi.AskSpec) string {
	body := strings.Repeat(spec.Body, max(spec.Times, 1))
	if spec.Stalls > 0 && spec.Stalls < len(body) {
		return body[:spec.Stalls]
	}
	return body
}
