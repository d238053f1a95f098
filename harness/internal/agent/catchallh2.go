//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
)

// overHTTP2 sends the request over a connection that begins with HTTP/2 (RFC 9113, 3.3), and gives the answer's head.
func (a *probe) overHTTP2(conn net.Conn) (*http.Response, error) {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(bytes.Clone(a.spec.Raw), a.spec.Body...))))
	if err != nil {
		return nil, fmt.Errorf("reading the visitor's request: %w", err)
	}
	req.URL.Scheme, req.URL.Host, req.RequestURI = "http", req.Host, ""
	req.Header.Del("Connection") // RFC 9113, 8.2.2
	t := http.Transport{DisableCompression: true, DialContext: once(conn), Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	return t.RoundTrip(req)
}

// once gives a connection to the first who dials: what is sent over it can't be sent again.
func once(conn net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		if conn == nil {
			return nil, net.ErrClosed
		}
		first := conn
		conn = nil
		return first, nil
	}
}
