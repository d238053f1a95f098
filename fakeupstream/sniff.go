package fakeupstream

import (
	"bytes"
	"encoding/binary"
	"strings"

	"golang.org/x/net/http2"
)

// What sniff can find besides the protocols.
const (
	foundTLS    = "tls"      // a ClientHello: RFC 8446, 4.1.2
	foundProxy1 = "proxy v1" // https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
	foundProxy2 = "proxy v2"
)

const proxy2Signature = "\r\n\r\n\x00\r\nQUIT\n"

// The most bytes of a name that sniff waits for; what is longer is something else.
const (
	maxMethod = 20 // UPDATEREDIRECTREF, with 17, is the longest method that is registered
	maxName   = 64
)

// sniff tells by the first bytes of a connection what is spoken on it. It is empty as long as more bytes are needed to
// tell. What is nothing else is a Stream.
func sniff(b []byte) string {
	waits := false
	for _, look := range signatures {
		switch look.at(b) {
		case yes:
			if !waits { // one that is looked for first and may still come goes before
				return look.what
			}
		case perhaps:
			waits = true
		}
	}
	if waits || len(b) == 0 {
		return ""
	}
	return Stream
}

// signatures are what is looked for; where two can be, the first counts.
var signatures = []struct {
	what string
	at   func([]byte) verdict
}{
	{foundTLS, sniffTLS},
	{foundProxy2, begins(proxy2Signature)},
	{foundProxy1, sniffProxy1},
	{GRPC, begins(http2.ClientPreface[:len("PRI * HTTP/2.0")])},
	{FastCGI, begins("\x01\x01")},
	{UWSGI, sniffUWSGI},
	{SCGI, sniffSCGI},
	{Memcached, sniffMemcached},
	{HTTP, sniffHTTP},
}

// verdict is whether bytes are the beginning of something.
type verdict int

const (
	no verdict = iota
	perhaps
	yes
)

// begins looks for a text.
func begins(text string) func([]byte) verdict {
	return func(b []byte) verdict {
		switch {
		case len(b) >= len(text) && string(b[:len(text)]) == text:
			return yes
		case len(b) < len(text) && string(b) == text[:len(b)]:
			return perhaps
		}
		return no
	}
}

// sniffTLS looks for a handshake record with a ClientHello in it.
func sniffTLS(b []byte) verdict {
	for i, c := range b[:min(len(b), 6)] {
		switch {
		case i == 0 && c != 22, i == 1 && c != 3, i == 2 && c > 4, i == 5 && c != 1:
			return no
		}
	}
	if len(b) < 6 {
		return perhaps
	}
	return yes
}

func sniffProxy1(b []byte) verdict {
	best := no
	for _, family := range []string{"TCP4 ", "TCP6 ", "UNKNOWN"} {
		best = max(best, begins("PROXY "+family)(b))
	}
	return best
}

// sniffUWSGI looks for modifier1 0, a size in which a variable fits, modifier2 0, and the name of a variable.
func sniffUWSGI(b []byte) verdict {
	if len(b) > 0 && b[0] != 0 || len(b) > 3 && b[3] != 0 {
		return no
	}
	if len(b) < 3 {
		return perhaps
	}
	size := int(binary.LittleEndian.Uint16(b[1:]))
	if size < 5 {
		return no
	}
	if len(b) < 6 {
		return perhaps
	}
	name := int(binary.LittleEndian.Uint16(b[4:]))
	if name == 0 || name > maxName || name > size-4 {
		return no
	}
	for _, c := range b[6:min(len(b), 6+name)] {
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return no
		}
	}
	if len(b) < 6+name {
		return perhaps
	}
	return yes
}

// sniffSCGI looks for the size of a netstring, and the name that has to come first in it.
func sniffSCGI(b []byte) verdict {
	size, rest, colon := bytes.Cut(b[:min(len(b), 40)], []byte(":"))
	if len(size) > 7 || strings.Trim(string(size), "0123456789") != "" || colon && len(size) == 0 {
		return no
	}
	if !colon {
		return perhaps
	}
	return begins("CONTENT_LENGTH\x00")(rest)
}

func sniffMemcached(b []byte) verdict { return max(begins("get ")(b), begins("gets ")(b)) }

// sniffHTTP looks for a method, which is in capitals, and the space after it.
func sniffHTTP(b []byte) verdict {
	for i, c := range b[:min(len(b), maxMethod)] {
		if c == ' ' && i > 0 {
			return yes
		}
		if c != '-' && c != '_' && (c < 'A' || c > 'Z') {
			return no
		}
	}
	if len(b) < maxMethod {
		return perhaps
	}
	return no
}
