package fakeupstream

import (
	"slices"
	"strings"
	"time"
)

// Who ended a connection, in ConnectionRecord.ClosedBy.
const (
	ByClient   = "client"   // the client closed, reset or failed it
	ByUpstream = "upstream" // the behaviour did
	ByShutdown = "shutdown" // Server.Close or Server.Reset did
)

// ConnectionRecord is what an upstream saw of one connection.
type ConnectionRecord struct {
	Number   int       `json:"number"` // 1 is the first
	Remote   string    `json:"remote,omitempty"`
	Opened   time.Time `json:"opened"`
	Closed   time.Time `json:"closed,omitzero"`
	ClosedBy string    `json:"closed_by,omitempty"` // empty while it is open
	// Protocol is what the upstream speaks on it, as in Spec.Protocol. With Any it is what the first bytes showed, and empty
	// when there were none.
	Protocol string `json:"protocol,omitempty"`
	// Proxied is the source that a PROXY protocol header named, "10.0.0.1:5555"; "unknown" when it names none. Only Any
	// reads such a header.
	Proxied  string          `json:"proxied,omitempty"`
	TLS      *TLSRecord      `json:"tls,omitempty"`
	BytesIn  int64           `json:"bytes_in"`  // on the wire, so of TLS records when there is TLS
	BytesOut int64           `json:"bytes_out"` // on the wire
	Did      string          `json:"did,omitempty"`
	Problem  string          `json:"problem,omitempty"` // the error that ended it, if one did
	Requests []RequestRecord `json:"requests,omitempty"`
	// RequestCount counts every request of which the head was read, even when there was no
	// more room to record it.
	RequestCount int `json:"request_count"`
}

// TLSRecord is what was agreed in a TLS handshake.
type TLSRecord struct {
	ServerName string `json:"server_name,omitempty"` // SNI
	Version    string `json:"version,omitempty"`     // "TLS 1.3"
	ALPN       string `json:"alpn,omitempty"`        // "h2"; empty when none was agreed on
	ClientCert bool   `json:"client_cert,omitempty"` // the client gave a certificate; it is asked for one with Any and TLSClientCert
}

// Field is a header field, or a parameter of FastCGI, uwsgi or SCGI.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// RequestRecord is what an upstream saw of one request. A time that is zero did not come.
type RequestRecord struct {
	Number   int        `json:"number"`             // in its connection, 1 is the first
	Method   string     `json:"method,omitempty"`   // memcached: the command; a stream: empty
	URI      string     `json:"uri,omitempty"`      // the request target; FastCGI, uwsgi, SCGI: REQUEST_URI; memcached: the keys
	Protocol string     `json:"protocol,omitempty"` // "HTTP/1.1", "HTTP/2.0"; FastCGI, uwsgi, SCGI: SERVER_PROTOCOL
	Keep     bool       `json:"keep,omitempty"`     // the client asked to keep the connection, or its protocol takes that for granted
	Headers  []Field    `json:"headers,omitempty"`  // in the order of the wire; gRPC: with ":authority" and ":scheme"
	Params   []Field    `json:"params,omitempty"`   // FastCGI, uwsgi, SCGI: in the order of the wire
	HeadCut  bool       `json:"head_cut,omitempty"` // it was too long for the record: its first 64 KiB are there
	Body     BodyRecord `json:"body"`
	Started  time.Time  `json:"started"`            // the first byte was there
	HeadRead time.Time  `json:"head_read,omitzero"` // header, or FastCGI parameters, read in full
	BodyRead time.Time  `json:"body_read,omitzero"` // body, or FastCGI stdin, read in full
	Answered time.Time  `json:"answered,omitzero"`  // the last byte of what was to be sent is written
	Did      string     `json:"did,omitempty"`      // the behaviour: "reset at header"
	Rule     int        `json:"rule,omitempty"`     // the one of Spec.Rules that took it, 1 is the first; 0 is the Script
	Problem  string     `json:"problem,omitempty"`  // why it could not be read
	Raw      []byte     `json:"raw,omitempty"`      // its first bytes, 64 at most, when it could not be read
}

// BodyRecord is what is kept of a request's body.
type BodyRecord struct {
	Length int64  `json:"length"`           // bytes read
	SHA256 string `json:"sha256,omitempty"` // of all of it, in hex; empty without a body
	Start  string `json:"start,omitempty"`  // its first 4 KiB
}

// keepHead is how much of a request's header fields or parameters is on record: their names and values, and for each of them the
// room that its record takes.
const (
	keepHead  = 64 << 10
	fieldRoom = 32
)

// keep puts a header field or a parameter on record, as far as there is room for it.
func (r *RequestRecord) keep(to *[]Field, name, value []byte) {
	if r.HeadCut {
		return
	}
	room := keepHead - len(name) - fieldRoom
	for _, f := range *to {
		room -= len(f.Name) + len(f.Value) + fieldRoom
	}
	if r.HeadCut = len(value) > room; room > 0 {
		*to = append(*to, Field{string(name), string(value[:min(len(value), room)])})
	}
}

// clipped is a text of the head as it stands on record: no longer than all of it may be.
func clipped(b []byte) string { return string(b[:min(len(b), keepHead)]) }

// Header gives the value of the first header field with that name, in any case.
func (r RequestRecord) Header(name string) string {
	for _, f := range r.Headers {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Param gives the value of the first parameter (FastCGI, uwsgi, SCGI) with exactly that name.
func (r RequestRecord) Param(name string) string {
	for _, f := range r.Params {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// copy is a record that shares nothing with c.
func (c ConnectionRecord) copy() ConnectionRecord {
	if c.TLS != nil {
		t := *c.TLS
		c.TLS = &t
	}
	c.Requests = slices.Clone(c.Requests)
	for i := range c.Requests {
		r := &c.Requests[i]
		r.Headers, r.Params, r.Raw = slices.Clone(r.Headers), slices.Clone(r.Params), slices.Clone(r.Raw)
	}
	return c
}

// Answered counts the requests of which all is written that was to be.
func Answered(all []ConnectionRecord) (n int) {
	for _, c := range all {
		for _, r := range c.Requests {
			if !r.Answered.IsZero() {
				n++
			}
		}
	}
	return n
}
