package fakeupstream

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// The protocols a listener can speak.
const (
	HTTP    = "http"    // HTTP/1.0 and HTTP/1.1, RFC 9112
	FastCGI = "fastcgi" // FastCGI 1.0, responder role
	// UWSGI is the uwsgi protocol of uWSGI: a packet of variables with modifier 0, and a body; an answer is that of HTTP and
	// ends with the connection.
	UWSGI = "uwsgi"
	// SCGI is the Simple Common Gateway Interface: a netstring of variables, and a body; an answer is that of CGI and ends
	// with the connection.
	SCGI = "scgi"
	// GRPC is gRPC over HTTP/2 (RFC 9113), with prior knowledge or in TLS with ALPN "h2". Requests are served one at a time,
	// which the client is told. The server's SETTINGS are sent as soon as the client's preface is there, as an HTTP/2
	// library does whatever its application is up to. A request that is not gRPC gets a plain HTTP/2 answer.
	GRPC = "grpc"
	// Memcached is the text protocol of memcached, of which get and gets are answered; of several keys the first.
	Memcached = "memcached"
	// Redis is RESP, the protocol of Redis: a well answer to GET is the body as the item, to any other command OK. With [Any] it is not
	// looked for, as no gateway speaks it.
	Redis = "redis"
	// MySQL is the protocol of MySQL and MariaDB, in which the server speaks first. Every login is let in; a well answer to SELECT and SHOW is
	// one row with the body as its one value, to any other command OK. A [MySQLError] is an error of theirs. With [Any] it is not looked for.
	MySQL = "mysql"
	// DNS is the Domain Name System (RFC 1035), over UDP and TCP at the same address. A datagram is a connection with one request. A
	// well answer to a question for the address of any name is that which was asked; a [DNSAnswer] says others.
	DNS = "dns"
	// Stream is TCP with no protocol in it: the server says nothing first, and answers each piece that it reads.
	Stream = "stream"
	// Any finds out by the first bytes of each connection which of the others is spoken on it, if need be in TLS or after a
	// PROXY protocol header. See "One listener for all" in the package comment.
	Any = "any"
)

var protocols = []string{HTTP, FastCGI, UWSGI, SCGI, GRPC, Memcached, Redis, MySQL, DNS, Stream, Any}

// Spec describes one listener: where it listens, what it speaks, and what it does with
// each connection and request. Its JSON form is the API of the program and its control port.
type Spec struct {
	// Name is what records and events call the upstream; empty means Listen.
	Name string `json:"name,omitempty"`
	// Listen is "10.0.0.5:8080", "127.0.0.1:0" (any free port), "[::1]:80" or "unix:/run/app.sock".
	Listen string `json:"listen"`
	// Protocol is HTTP (the default), FastCGI, UWSGI, SCGI, GRPC, Memcached, Redis, MySQL, DNS, Stream or Any.
	Protocol string `json:"protocol,omitempty"`
	// TLS makes it a TLS listener; nil is plain. With Any it says how TLS goes for clients that
	// begin it, while others are served in plain text; nil is TLS without a fault then.
	TLS *TLS `json:"tls,omitempty"`
	// Mode is the file mode of a unix socket, in octal: "0666" (the default), "0600".
	Mode string `json:"mode,omitempty"`
	// Script is what it does; empty means that it answers well.
	Script Script `json:"script,omitempty"`
	// Rules are for requests wherever they come. The first that takes a request goes before the Script, but for what the
	// Script does before the head of a request is read (at accept). The request counts in its connection all the same: the next
	// is what the Script has for the next.
	Rules []Rule `json:"rules,omitempty"`
}

// Script lists connections: entry i is what connection i+1 gets, and the last entry serves
// all further ones. An empty Script answers well.
type Script []Connection

// Connection lists behaviours: entry j is for request j+1 of the connection, and the last
// entry is for the rest. An empty Connection answers well. In JSON a single behaviour
// object may stand in place of the list.
type Connection []Behaviour

// Always is the Script in which every request meets b.
func Always(b Behaviour) Script { return Script{{b}} }

// FailFirst is the Script in which each of the first n connections meets b, and all
// further ones are answered well.
func FailFirst(n int, b Behaviour) Script { return FailFirstThen(n, b, Well{}) }

// FailFirstThen is FailFirst with a behaviour of your own for the connections that follow.
func FailFirstThen(n int, b, then Behaviour) Script {
	s := make(Script, 0, n+1)
	for range n {
		s = append(s, Connection{b})
	}
	return append(s, Connection{then})
}

// OnReuse is the Script in which each connection answers its first n requests well and
// meets b with the next.
func OnReuse(n int, b Behaviour) Script {
	c := make(Connection, 0, n+1)
	for range n {
		c = append(c, Well{})
	}
	return Script{append(c, b)}
}

// name is what to call the upstream.
func (s Spec) name() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Listen
}

func (s Spec) protocol() string {
	if s.Protocol == "" {
		return HTTP
	}
	return s.Protocol
}

// tls is how TLS is spoken, or nil.
func (s Spec) tls() *TLS {
	if s.TLS == nil && s.Protocol == Any {
		return &TLS{}
	}
	return s.TLS
}

// where splits Listen in a network and an address as package net has them.
func (s Spec) where() (network, address string) {
	if path, ok := strings.CutPrefix(s.Listen, "unix:"); ok {
		return "unix", path
	}
	return "tcp", s.Listen
}

func (s Spec) mode() (uint32, error) {
	if s.Mode == "" {
		return 0o666, nil
	}
	m, err := strconv.ParseUint(s.Mode, 8, 12)
	if err != nil || m > 0o777 {
		return 0, fmt.Errorf("mode: %q is not a file mode; write it in octal, such as \"0666\"", s.Mode)
	}
	return uint32(m), nil
}

// Validate says what is wrong with the Spec, naming the field and the remedy; nil means
// that New can only fail for reasons outside of it.
func (s Spec) Validate() error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("upstream %q: %w", s.name(), err)
	}
	return nil
}

func (s Spec) validate() error {
	network, address := s.where()
	if err := checkAddress(network, address); err != nil {
		return err
	}
	if err := oneOf("protocol", s.Protocol, protocols...); err != nil {
		return err
	}
	if _, err := s.mode(); err != nil {
		return err
	}
	if s.Mode != "" && network != "unix" {
		return errors.New("mode: only a unix socket has a file mode; remove it, or listen on \"unix:/path\"")
	}
	if s.TLS != nil {
		if err := s.TLS.check(); err != nil {
			return fmt.Errorf("tls.%w", err)
		}
	}
	on := Endpoint{Protocol: s.protocol(), Network: network}
	behaviours := 0
	for i, c := range s.Script {
		for j, b := range c {
			behaviours++
			if b == nil {
				return fmt.Errorf("script[%d][%d]: no behaviour (nil)", i, j)
			}
			name, err := registered(b)
			if err != nil {
				return fmt.Errorf("script[%d][%d]: %w", i, j, err)
			}
			if err := b.Check(on); err != nil {
				return fmt.Errorf("script[%d][%d] (%s): %w", i, j, name, err)
			}
		}
	}
	for i, r := range s.Rules {
		behaviours++
		if err := r.check(on); err != nil {
			return fmt.Errorf("rules[%d]: %w", i, err)
		}
	}
	if b := s.Script.listener(); b != nil && behaviours > 1 {
		return fmt.Errorf("script: %s is a state of the whole listener and must be the only behaviour; to change later, close the upstream and make it anew", NameOf(b))
	}
	return nil
}

// listener gives the first behaviour that is about the listener itself, or nil.
func (s Script) listener() listenerBehaviour {
	for _, c := range s {
		for _, b := range c {
			if l, ok := b.(listenerBehaviour); ok {
				return l
			}
		}
	}
	return nil
}

func checkAddress(network, address string) error {
	if address == "" {
		return errors.New(`listen: missing; give "127.0.0.1:8080" or "unix:/run/app.sock"`)
	}
	if network == "unix" {
		// sun_path holds 108 bytes on Linux and 104 on the BSDs, with the closing NUL.
		if len(address) > 103 {
			return fmt.Errorf("listen: the socket path has %d bytes and the system takes 103; use a shorter path", len(address))
		}
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf(`listen: %q is not host:port (%v); write "127.0.0.1:8080", "[::1]:8080" or "unix:/path"`, address, err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("listen: port %q is not a number from 0 to 65535", port)
	}
	if host != "" && net.ParseIP(strings.SplitN(host, "%", 2)[0]) == nil && host != "localhost" {
		return fmt.Errorf("listen: %q is not an IP address; a listener takes no host names", host)
	}
	return nil
}
