package fakeupstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// TLS makes a listener speak TLS 1.2 and 1.3 with a certificate of its own authority, or
// fail at it. The handshake takes place when something is first to be read or written, so
// that a behaviour at AtAccept strikes before it.
type TLS struct {
	// Names are the DNS names and IP addresses of the certificate; empty means "localhost",
	// 127.0.0.1, ::1 and the address that is listened on. With protocol Any the name that the
	// client asks for (SNI) is always one of them; empty means that name alone, and when the
	// client asks for none these and the address that it called.
	Names []string `json:"names,omitempty"`
	// Fault is what goes wrong; empty is nothing.
	Fault TLSFault `json:"fault,omitempty"`
	// Authority signs the certificate, and says whose client certificates are accepted;
	// nil means NewAuthority("badgateway"). Listeners that are given the same one are
	// trusted alike. Server.CA tells a client what to trust.
	Authority *Authority `json:"authority,omitempty"`
}

// TLSFault is a way to fail at TLS.
type TLSFault string

// The TLS faults. Alerts are those of RFC 8446, section 6.
const (
	TLSExpired       TLSFault = "expired"        // the certificate ended in 2001
	TLSNotYetValid   TLSFault = "not-yet-valid"  // the certificate begins in 2098
	TLSWrongName     TLSFault = "wrong-name"     // the certificate is for wrong.invalid
	TLSSelfSigned    TLSFault = "self-signed"    // the certificate is signed by itself
	TLSUnknownIssuer TLSFault = "unknown-issuer" // it is signed by some other authority
	TLSStalled       TLSFault = "stalled"        // silence after the ClientHello
	// TLSPlain is no TLS at all: the protocol in plain text. With Any, clients that begin TLS get the 400 of a plain HTTP
	// server.
	TLSPlain            TLSFault = "plain"
	TLSClose            TLSFault = "close"             // FIN after the ClientHello
	TLSReset            TLSFault = "reset"             // RST after the ClientHello
	TLSUnrecognizedName TLSFault = "unrecognized-name" // fatal alert 112: the server does not know the name
	TLSHandshakeFailure TLSFault = "handshake-failure" // fatal alert 40
	TLSInternalError    TLSFault = "internal-error"    // fatal alert 80
	TLSOldProtocol      TLSFault = "old-protocol"      // nothing newer than TLS 1.1
	TLSClientCert       TLSFault = "client-cert"       // a client certificate is required
	TLSNoCloseNotify    TLSFault = "no-close-notify"   // well, but FIN comes without close_notify
)

var tlsFaults = []TLSFault{
	TLSExpired, TLSNotYetValid, TLSWrongName, TLSSelfSigned, TLSUnknownIssuer, TLSStalled, TLSPlain,
	TLSClose, TLSReset, TLSUnrecognizedName, TLSHandshakeFailure, TLSInternalError, TLSOldProtocol,
	TLSClientCert, TLSNoCloseNotify,
}

// tlsAlerts are the faults that are an alert in answer to the ClientHello.
var tlsAlerts = map[TLSFault]byte{TLSUnrecognizedName: 112, TLSHandshakeFailure: 40, TLSInternalError: 80}

func (t *TLS) check() error {
	if err := oneOf("fault", t.Fault, tlsFaults...); err != nil {
		return err
	}
	if t.Authority != nil {
		if _, err := t.Authority.pair(); err != nil {
			return fmt.Errorf("authority: %w", err)
		}
	}
	return nil
}

// tlsSide is what a listener needs to speak TLS.
type tlsSide struct {
	config        *tls.Config // nil when it never comes to a handshake
	good          *tls.Config // without the fault
	fault         TLSFault
	noCloseNotify bool // no close_notify
	ca            []byte
}

// well is the same without the fault.
func (t *tlsSide) well() *tlsSide { return &tlsSide{config: t.good, good: t.good, ca: t.ca} }

func (t *TLS) side(listen, protocol string) (*tlsSide, error) {
	authority := t.Authority
	if authority == nil {
		a := NewAuthority("badgateway")
		authority = &a
	}
	if protocol == Any {
		return t.sideOfAny(authority)
	}
	names := t.Names
	if len(names) == 0 {
		names = []string{"localhost", "127.0.0.1", "::1"}
		if host, _, err := net.SplitHostPort(listen); err == nil && net.ParseIP(host) != nil {
			names = append(names, host)
		}
	}
	side := &tlsSide{fault: t.Fault, noCloseNotify: t.Fault == TLSNoCloseNotify, ca: []byte(authority.Certificate)}
	cert, err := authority.Issue(names...)
	if err != nil {
		return nil, err
	}
	side.good = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: alpn[protocol]}
	if side.config, err = t.Fault.config(side.good, authority); side.config != nil && err == nil {
		cert, err = t.Fault.certificate(authority, names)
		side.config.Certificates = []tls.Certificate{cert}
	}
	return side, err
}

// alpn is what is agreed on with a client that offers it.
var alpn = map[string][]string{HTTP: {"http/1.1"}, GRPC: {"h2"}}

// config is good with the fault in it, or nil when it never comes to a handshake.
func (f TLSFault) config(good *tls.Config, authority *Authority) (c *tls.Config, err error) {
	c = good.Clone()
	switch f {
	case TLSOldProtocol:
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	case TLSClientCert:
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs, err = authority.Pool()
	case TLSStalled, TLSPlain, TLSClose, TLSReset, TLSUnrecognizedName, TLSHandshakeFailure, TLSInternalError:
		return nil, nil
	}
	return c, err
}

// certificate is the one for these names, with the fault in it.
func (f TLSFault) certificate(authority *Authority, names []string) (tls.Certificate, error) {
	switch f {
	case TLSExpired:
		return authority.IssueExpired(names...)
	case TLSNotYetValid:
		return authority.issue(names, farAhead.AddDate(-1, 0, 0), farAhead)
	case TLSWrongName:
		return authority.Issue("wrong.invalid")
	case TLSUnknownIssuer:
		return NewAuthority("nobody knows this authority").Issue(names...)
	case TLSSelfSigned:
		return SelfSigned(names...)
	}
	return authority.Issue(names...)
}

// CA is the certificate, in PEM, of the authority that a client of this upstream should
// trust; nil without TLS. With it the case without a fault verifies.
func (s *Server) CA() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tls == nil {
		return nil
	}
	return append([]byte(nil), s.tls.ca...)
}

// handshake does the TLS handshake, or the fault, before the first byte of a connection.
func (x *Exchange) handshake() error {
	if x.tls == nil || x.secure {
		return nil
	}
	x.secure = true
	if x.tls.config == nil {
		return x.badHandshake()
	}
	c := x.conn.(*tls.Conn)
	if err := c.Handshake(); err != nil {
		var op *net.OpError
		if errors.Is(err, io.EOF) || errors.As(err, &op) && op.Op != "local error" {
			return fmt.Errorf("TLS handshake: %w", err)
		}
		x.problem("TLS handshake: " + err.Error())
		return x.close()
	}
	state := c.ConnectionState()
	x.recorder.mu.Lock()
	x.rec.TLS = &TLSRecord{
		ServerName: state.ServerName, Version: tls.VersionName(state.Version),
		ALPN: state.NegotiatedProtocol, ClientCert: len(state.PeerCertificates) > 0,
	}
	x.recorder.mu.Unlock()
	x.event(EventSecured, strings.TrimSpace(tls.VersionName(state.Version)+" "+state.ServerName))
	return nil
}

// badHandshake does the faults that answer a ClientHello with something else.
func (x *Exchange) badHandshake() error {
	fault := x.tls.fault
	if fault == TLSPlain {
		return nil
	}
	head, err := x.br.Peek(5)
	if err != nil {
		return err
	}
	if _, err := x.br.Discard(5 + int(head[3])<<8 + int(head[4])); err != nil {
		return err
	}
	x.recorder.mu.Lock()
	x.rec.Did = "TLS " + string(fault)
	x.recorder.mu.Unlock()
	x.event(EventRequest, "ClientHello -> TLS "+string(fault))
	switch fault {
	case TLSStalled:
		return x.stall()
	case TLSReset:
		return x.reset()
	}
	if alert, ok := tlsAlerts[fault]; ok {
		if _, err := x.conn.Write(tlsAlert(alert)); err != nil {
			return err
		}
	}
	return x.close()
}

// tlsAlert is the record of a fatal alert in plain text.
func tlsAlert(description byte) []byte { return []byte{21, 3, 3, 0, 2, 2, description} }
