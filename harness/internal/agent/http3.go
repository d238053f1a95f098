//go:build linux

package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// quicLimit bounds a visit by HTTP/3 in real time. QUIC's own time-outs go by the machine's clock on the client's side, and the
// sandbox's does not move while one is under way.
const quicLimit = 10 * time.Second

// beginHTTP3 has the visitor ask by HTTP/3 (RFC 9114).
func (a *probe) beginHTTP3(ctx context.Context, from netip.Addr) error {
	to, err := net.ResolveUDPAddr("udp", a.spec.To)
	if err != nil {
		return fmt.Errorf("the gateway's address: %w", err)
	}
	var conn net.PacketConn
	err = a.w.cell.online(func() (err error) {
		local := netip.AddrPortFrom(from, 0).String()
		if to.IP.To4() == nil {
			local = "[::1]:0"
		}
		conn, err = (&net.ListenConfig{Control: markOurs}).ListenPacket(ctx, "udp", local)
		return err
	})
	if err != nil {
		return fmt.Errorf("opening the visitor's socket for QUIC: %w", err)
	}
	underWay := a.w.busy.under()
	go func() {
		defer underWay()
		defer close(a.done)
		defer func() { _ = conn.Close() }()
		a.overHTTP3(conn, to)
	}()
	return nil
}

// overHTTP3 sends the request and keeps the answer.
func (a *probe) overHTTP3(conn net.PacketConn, to net.Addr) {
	ctx, cancel := context.WithTimeout(context.Background(), quicLimit)
	defer cancel()
	over := &quic.Transport{Conn: conn}
	defer func() { _ = over.Close() }()
	client := &http3.Transport{
		TLSClientConfig: tlsOf(a.spec.ServerName, http3.NextProtoH3, "TLSv1.3"), DisableCompression: true,
		Dial: func(ctx context.Context, _ string, config *tls.Config, options *quic.Config) (*quic.Conn, error) {
			config.ServerName = a.spec.ServerName // not that of the URL
			return over.DialEarly(ctx, to, config, options)
		},
	}
	defer func() { _ = client.Close() }()
	req, err := http2Request(ctx, "https", a.spec.Raw, a.wholeBody())
	if err != nil {
		a.failed = err
		return
	}
	resp, err := client.RoundTrip(req)
	if err != nil {
		a.answer.NoAnswer, a.answer.Real = howQUICEnded(err), time.Since(a.begun)
		return
	}
	a.read(resp)
}

// howQUICEnded says why no answer came.
func howQUICEnded(err error) string {
	var transport *quic.TransportError
	switch {
	case errors.As(err, &transport) && transport.ErrorCode.IsCryptoError():
		return agentapi.NoTLS
	case errors.As(err, new(*quic.ApplicationError)), errors.As(err, new(*quic.StreamError)), errors.As(err, new(*http3.Error)):
		return "reset"
	}
	return howItEnded(err)
}
