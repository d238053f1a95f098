//go:build linux

package agent

import (
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func lookUp(t *testing.T, n *names, name string, of dnsmessage.Type) (dnsmessage.Header, []dnsmessage.Resource) {
	t.Helper()
	q := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: of, Class: dnsmessage.ClassINET}},
	}
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(n.answer(raw)); err != nil {
		t.Fatalf("the answer for %s: %v", name, err)
	}
	if m.ID != 7 || !m.Response {
		t.Errorf("the answer's header is %+v", m.Header)
	}
	return m.Header, m.Answers
}

func TestNames(t *testing.T) {
	n := newNames()
	_, answers := lookUp(t, n, "App.internal.", dnsmessage.TypeA)
	if len(answers) != 1 {
		t.Fatalf("%d answers", len(answers))
	}
	a := netip.AddrFrom4(answers[0].Body.(*dnsmessage.AResource).A)
	if a != n.base("app.internal") || n.of(netip.AddrPortFrom(a, 80).String()) != "app.internal" {
		t.Errorf("app.internal has %v, and its base is %v", a, n.base("app.internal"))
	}
	if _, none := lookUp(t, n, "app.internal.", dnsmessage.TypeAAAA); len(none) != 0 {
		t.Error("a name has an IPv6 address")
	}
	if _, srv := lookUp(t, n, "_http._tcp.app.internal.", dnsmessage.TypeSRV); len(srv) != 1 || srv[0].Body.(*dnsmessage.SRVResource).Target.String() != "app.internal." {
		t.Errorf("the service is %v", srv)
	}

	n.setBehaviour([]agentapi.NameBehaviour{{Name: "APP.internal", Move: 1}, {Name: "gone.internal", Gone: true}})
	_, answers = lookUp(t, n, "app.internal.", dnsmessage.TypeA)
	moved := netip.AddrFrom4(answers[0].Body.(*dnsmessage.AResource).A)
	if moved == a || n.of(netip.AddrPortFrom(moved, 80).String()) != "app.internal" {
		t.Errorf("moved from %v to %v, which is %q's", a, moved, n.of(netip.AddrPortFrom(moved, 80).String()))
	}
	if h, answers := lookUp(t, n, "gone.internal.", dnsmessage.TypeA); h.RCode != dnsmessage.RCodeNameError || len(answers) != 0 {
		t.Errorf("a name that is gone: %v, %v", h.RCode, answers)
	}
	n.setBehaviour([]agentapi.NameBehaviour{{Name: "app.internal", Both: true}})
	if _, answers = lookUp(t, n, "app.internal.", dnsmessage.TypeA); len(answers) != 2 || netip.AddrFrom4(answers[0].Body.(*dnsmessage.AResource).A) != a ||
		netip.AddrFrom4(answers[1].Body.(*dnsmessage.AResource).A) != moved {
		t.Errorf("a name with both addresses has %v", answers)
	}
	n.setBehaviour(nil)
	if _, answers = lookUp(t, n, "app.internal.", dnsmessage.TypeA); netip.AddrFrom4(answers[0].Body.(*dnsmessage.AResource).A) != a {
		t.Error("a name is not back at its address")
	}
	if got := len(n.drain()); got != 7 {
		t.Errorf("%d lookups were told of", got)
	}
	if n.answer([]byte("badgateway\r\n")) != nil {
		t.Error("what is no question got an answer")
	}
}

func TestManyNamesHaveAnAddressEach(t *testing.T) {
	n := newNames()
	of := map[netip.Addr]string{}
	for i := range 5000 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + ".example"
		a := n.base(name)
		if other, taken := of[a]; taken && other != name {
			t.Fatalf("%s and %s share %v", name, other, a)
		}
		of[a] = name
	}
}
