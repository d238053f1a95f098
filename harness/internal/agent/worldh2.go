//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"

	"golang.org/x/net/http2"
)

// overHTTP2 sends the request over a connection that begins with HTTP/2 (RFC 9113, 3.3), and gives the answer's head.
func (a *worldAsk) overHTTP2(conn net.Conn) (*http.Response, error) {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(bytes.Clone(a.spec.Raw), a.spec.Body...))))
	if err != nil {
		return nil, fmt.Errorf("reading the visitor's request: %w", err)
	}
	req.URL.Scheme, req.URL.Host, req.RequestURI = "http", req.Host, ""
	req.Header.Del("Connection") // RFC 9113, 8.2.2
	client, err := (&http2.Transport{AllowHTTP: true, DisableCompression: true}).NewClientConn(conn)
	if err != nil {
		return nil, err
	}
	return client.RoundTrip(req)
}
