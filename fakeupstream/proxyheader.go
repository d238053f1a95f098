package fakeupstream

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
)

// noSource is what is on record when a PROXY protocol header names no source.
const noSource = "unknown"

// maxProxy1 is the most bytes of a header of version 1, with its line end.
const maxProxy1 = 107

// proxied puts the source on record.
func (x *Exchange) proxied(source string) {
	x.recorder.mu.Lock()
	x.rec.Proxied = source
	x.recorder.mu.Unlock()
}

// badProxy is the error of a header that cannot be read.
func (x *Exchange) badProxy(err error) error {
	x.started()
	x.takeBuffered()
	if err != nil {
		return cutShort(err, "the PROXY protocol header")
	}
	return unreadable("bad PROXY protocol header")
}

// readProxy1 reads a line such as "PROXY TCP4 10.0.0.1 10.0.0.2 5555 80".
func (x *Exchange) readProxy1() error {
	n := 0
	for end := 0; end == 0; { // byte by byte, since what follows may be no text
		n++
		b, err := x.br.Peek(n)
		if err != nil || n > maxProxy1 {
			return x.badProxy(err)
		}
		if b[n-1] == '\n' {
			end = n
		}
	}
	line, _ := x.br.Peek(n)
	source, ok := proxy1Source(string(trimEnd(line)))
	if !ok {
		return x.badProxy(nil)
	}
	x.br.Discard(n)
	x.proxied(source)
	return nil
}

func proxy1Source(line string) (source string, ok bool) {
	if strings.HasPrefix(line, "PROXY UNKNOWN") {
		return noSource, true
	}
	part := strings.Split(line, " ")
	if len(part) != 6 {
		return "", false
	}
	source = part[2] + ":" + part[4]
	if part[1] == "TCP6" {
		source = "[" + part[2] + "]:" + part[4]
	}
	a, err := netip.ParseAddrPort(source)
	return a.String(), err == nil
}

// readProxy2 reads a binary header: the signature, version and command, family, length, and the addresses.
func (x *Exchange) readProxy2() error {
	const fixed = len(proxy2Signature) + 4
	head, err := x.br.Peek(fixed)
	if err != nil {
		return x.badProxy(err)
	}
	command, family := head[12], head[13]
	length := int(binary.BigEndian.Uint16(head[14:]))
	if command != 0x20 && command != 0x21 {
		return x.badProxy(nil)
	}
	x.br.Discard(fixed)
	addresses, err := x.br.Peek(min(length, 216))
	if err != nil {
		return x.badProxy(err)
	}
	source := noSource
	if command == 0x21 {
		source = proxy2Source(family, addresses)
	}
	if _, err := x.br.Discard(length); err != nil {
		return x.badProxy(err)
	}
	x.proxied(source)
	return nil
}

// proxy2Source reads the source address: IPv4, IPv6, or a path of 108 bytes.
func proxy2Source(family byte, b []byte) string {
	for _, f := range []struct {
		family    byte
		size, all int // of an address, and of all
	}{{1, 4, 12}, {2, 16, 36}} {
		if family>>4 == f.family && len(b) >= f.all {
			ip, _ := netip.AddrFromSlice(b[:f.size])
			return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[2*f.size:])).String()
		}
	}
	if family>>4 == 3 && len(b) >= 216 {
		path, _, _ := bytes.Cut(b[:108], []byte{0})
		return string(path)
	}
	return noSource
}
