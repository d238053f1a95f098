//go:build linux

package agent

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// lookUp asks a DNS server for the IPv4 address of a name, by one datagram.
func (c *sandbox) lookUp(ctx context.Context, spec agentapi.LookUpSpec) (found agentapi.LookedUp, err error) {
	from, err := netip.ParseAddr(spec.From)
	if err != nil {
		return found, fmt.Errorf("the visitor's address: %w", err)
	}
	d := net.Dialer{Timeout: spec.Limit, LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	var conn net.Conn
	err = c.online(func() (err error) {
		conn, err = d.DialContext(ctx, "udp", spec.Server)
		return err
	})
	if err == nil {
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		_ = conn.SetDeadline(time.Now().Add(spec.Limit))
		found.Address, err = askDNS(conn, spec.Name)
	}
	if err != nil {
		return found, fmt.Errorf("asking the DNS server %s as the visitor for %s: %w", spec.Server, spec.Name, err)
	}
	return found, nil
}

// askDNS is the first IPv4 address of a name that a DNS server tells over a connection of datagrams.
func askDNS(conn net.Conn, name string) (string, error) {
	full, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return "", err
	}
	q := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 1, RecursionDesired: true}, // who answers is the lab's own: no id has to be guessed
		Questions: []dnsmessage.Question{{Name: full, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	question, err := q.Pack()
	if err != nil {
		return "", err
	}
	if _, err := conn.Write(question); err != nil {
		return "", err
	}
	buf := make([]byte, 4<<10)
	n, err := conn.Read(buf)
	if err != nil {
		return "", err
	}
	var m dnsmessage.Message
	if err := m.Unpack(buf[:n]); err != nil {
		return "", fmt.Errorf("reading its answer: %w", err)
	}
	for _, a := range m.Answers {
		if a, ok := a.Body.(*dnsmessage.AResource); ok {
			return netip.AddrFrom4(a.A).String(), nil
		}
	}
	return "", fmt.Errorf("it has no address: %v", m.RCode)
}
