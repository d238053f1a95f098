package lab

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
)

// An Option says how [Sandbox.Do] and [Sandbox.StartBackground] ask.
type Option func(*manner)

// manner is how the client asks.
type manner struct {
	window     *WaitWindow // nil for a client that is not expected to wait
	to         string      // empty for the usual port of the gateway's address
	tls, http2 bool
	serverName string
	client     string // one that keeps its connection; empty for one that closes it
}

// At has the client connect to that address of the gateway's ("192.0.2.80:8443"), in place of port 80 of [GatewayAddress], or
// port 443 with [OverTLS].
func At(address string) Option { return func(m *manner) { m.to = address } }

// OverTLS has the client speak TLS, and name that server; the request is for that host, too, unless it names one. Any
// certificate will do, and for one of its own the client shows one that nobody knows. A handshake that fails is an exchange
// without an answer.
func OverTLS(serverName string) Option {
	return func(m *manner) { m.tls, m.serverName = true, serverName }
}

// OverHTTP2 has the client speak HTTP/2: with [OverTLS] by agreement, and it is an error when the gateway does not agree, else
// from the first byte, as clients do that know the server.
func OverHTTP2() Option { return func(m *manner) { m.http2 = true } }

// KeepAlive is a client that leaves its connection open, as a browser does. Given to several requests, one after the other, it
// sends each over the connection of the one before, unless the gateway has closed that; [Exchange].Reused tells. Another
// KeepAlive is another client.
func KeepAlive() Option {
	name := fmt.Sprintf("client %d", keptClients.Add(1))
	return func(m *manner) { m.client = name }
}

var keptClients atomic.Int64

// Within has the client wait: the lab sees to what happens meanwhile, lets the time pass, and proves from both sides how long
// the client waited. That the gateway has closed the connection is a part of the proof, so it does not go with [KeepAlive] or
// [OverHTTP2].
func Within(w WaitWindow) Option { return func(m *manner) { m.window = &w } }

func mannerOf(options []Option) (m manner, err error) {
	for _, set := range options {
		set(&m)
	}
	if m.window != nil && (m.client != "" || m.http2) {
		return m, errors.New("Within is for a connection that the gateway closes: leave out KeepAlive and OverHTTP2")
	}
	return m, nil
}

// address is where the client connects to.
func (m manner) address() string {
	usual := FrontDoor
	if m.tls {
		usual = net.JoinHostPort(GatewayAddress, "443")
	}
	return cmp.Or(m.to, usual)
}

// addressOf is the address of a client that asks more than once: the one that it had before, or else the one at hand.
func (c *Sandbox) addressOf(client, unused string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.keeping[client]; !known {
		c.keeping[client] = unused
	}
	return c.keeping[client]
}
