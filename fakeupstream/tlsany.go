package fakeupstream

import (
	"crypto/tls"
	"net"
	"slices"
	"sync"
)

// sideOfAny is the TLS of a listener that speaks Any: for whatever name the client asks for, and with a protocol that it
// offers. The client is asked for a certificate and need not have one, so that records tell whether it has.
func (t *TLS) sideOfAny(authority *Authority) (*tlsSide, error) {
	side := &tlsSide{fault: t.Fault, noCloseNotify: t.Fault == TLSNoCloseNotify, ca: []byte(authority.Certificate)}
	side.good = &tls.Config{ClientAuth: tls.RequestClientCert}
	var err error
	if side.config, err = t.Fault.config(side.good, authority); err != nil {
		return nil, err
	}
	if side.config != nil {
		t.asAsked(side.config, authority, t.Fault)
	}
	t.asAsked(side.good, authority, "")
	return side, nil
}

// maxCertificates is how many certificates a listener keeps for further handshakes.
const maxCertificates = 1000

// asAsked makes a config choose certificate and protocol by what the ClientHello says.
func (t *TLS) asAsked(c *tls.Config, authority *Authority, fault TLSFault) {
	var mu sync.Mutex
	made := map[string]*tls.Certificate{}
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		names := t.names(hello)
		mu.Lock()
		defer mu.Unlock()
		if cert := made[names[0]]; cert != nil {
			return cert, nil
		}
		cert, err := fault.certificate(authority, names)
		if err != nil {
			return nil, err
		}
		if len(made) < maxCertificates {
			made[names[0]] = &cert
		}
		return &cert, nil
	}
	base := c.Clone()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		mine := base.Clone()
		mine.NextProtos = chosen(hello.SupportedProtos)
		return mine, nil
	}
}

// names are those of the certificate for a client.
func (t *TLS) names(hello *tls.ClientHelloInfo) []string {
	switch {
	case hello.ServerName != "":
		return append([]string{hello.ServerName}, t.Names...)
	case len(t.Names) > 0:
		return t.Names
	}
	names := []string{"localhost", "127.0.0.1", "::1"}
	if a := hello.Conn.LocalAddr(); a != nil {
		if host, _, err := net.SplitHostPort(a.String()); err == nil && net.ParseIP(host) != nil {
			names = append([]string{host}, names...)
		}
	}
	return names
}

// chosen is what the server takes of the protocols that a client offers: h2, or else http/1.1, or else what the client likes
// best.
func chosen(offered []string) []string {
	for _, p := range []string{"h2", "http/1.1"} {
		if slices.Contains(offered, p) {
			return []string{p}
		}
	}
	return offered
}
