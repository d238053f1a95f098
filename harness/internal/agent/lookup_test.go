//go:build linux

package agent

import (
	"net"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
)

func TestAskDNS_TellsTheAddressOrWhyThereIsNone(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		answer     fakeupstream.DNSAnswer
		want, says string
	}{
		{fakeupstream.DNSAnswer{Addresses: []string{"192.0.2.81", "192.0.2.82"}, TTL: 60}, "192.0.2.81", ""},
		{fakeupstream.DNSAnswer{Code: fakeupstream.DNSNoName}, "", "it has no address: RCodeNameError"},
		{fakeupstream.DNSAnswer{Addresses: []string{"2001:db8::5"}}, "", "it has no address: RCodeSuccess"},
	} {
		g := NewWithT(t)
		server, err := fakeupstream.New(fakeupstream.Spec{
			Listen: "127.0.0.1:0", Protocol: fakeupstream.DNS, Script: fakeupstream.Always(of.answer),
		}, fakeupstream.Options{})
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { _ = server.Close() })
		conn, err := net.Dial("udp", server.Addr().String())
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { conn.Close() })
		g.Expect(conn.SetDeadline(time.Now().Add(10 * time.Second))).To(Succeed())
		got, err := askDNS(conn, "example.com")
		g.Expect(got).To(Equal(of.want))
		if of.says == "" {
			g.Expect(err).NotTo(HaveOccurred())
		} else {
			g.Expect(err).To(MatchError(of.says))
		}
	}
}
