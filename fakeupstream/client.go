package fakeupstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
)

// URL is that of the upstream, without a path: "http://127.0.0.1:8080", and "https://127.0.0.1:8443" with TLS. An upstream that
// listens on all addresses is called at that of the loopback, and one on a unix socket is http://localhost, for [Server.Client]
// only. With [Any] it is http; https is answered there as well. Where no HTTP is spoken, the scheme is the protocol:
// "fastcgi://127.0.0.1:9000".
func (s *Server) URL() string {
	u := url.URL{Scheme: s.protocol, Host: "localhost"}
	switch s.protocol {
	case HTTP, GRPC, Any:
		u.Scheme = "http"
		if s.protocol != Any && s.CA() != nil {
			u.Scheme = "https"
		}
	}
	if host, port, err := net.SplitHostPort(s.address); err == nil && s.network == "tcp" {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
			if ip.To4() == nil {
				host = "::1"
			}
		}
		u.Host = net.JoinHostPort(host, port)
	}
	return u.String()
}

// Client is an HTTP client for the upstream, the same at each call: it trusts [Server.CA], speaks HTTP/2 where the upstream does
// (GRPC; Any in TLS), and connects to the upstream whatever host a URL names, so that a certificate for app.test is met at
// https://app.test/. Close closes its idle connections.
func (s *Server) Client() *http.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client
	}
	t := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return s.opts.Dial(s.network, s.address) },
		Protocols:   new(http.Protocols),
	}
	t.Protocols.SetHTTP1(s.protocol != GRPC)
	t.Protocols.SetHTTP2(s.protocol != HTTP)
	t.Protocols.SetUnencryptedHTTP2(s.protocol == GRPC)
	if s.tls != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM(s.tls.ca)
	}
	s.client = &http.Client{Transport: t}
	return s.client
}
