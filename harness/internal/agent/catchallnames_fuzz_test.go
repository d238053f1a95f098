//go:build linux

package agent

import (
	"strconv"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestNamesWithoutEnd(t *testing.T) {
	n := newNames()
	for i := range 70_000 { // more than there are addresses
		n.base("n" + strconv.Itoa(i) + ".example")
	}
	if len(n.bases) > mostNames || len(n.owners) > 2*mostNames {
		t.Errorf("%d names and %d addresses are kept", len(n.bases), len(n.owners))
	}
	if a, b := n.base("n1.example"), n.base("n2.example"); a == b {
		t.Errorf("two early names share %s", a)
	}
	for i := range 3 * mostLookups {
		lookUp(t, n, "l"+strconv.Itoa(i)+".example.", dnsmessage.TypeA)
	}
	if all := n.drain(); len(all) > mostLookups || all[len(all)-1].Name != "l"+strconv.Itoa(3*mostLookups-1)+".example" {
		t.Errorf("%d lookups are kept, the last of %s", len(all), all[len(all)-1].Name)
	}
}

// FuzzNames holds that whatever comes to the port of DNS, an answer is one, to that question, and no longer than a datagram.
func FuzzNames(f *testing.F) {
	for _, q := range []dnsmessage.Question{
		{Name: dnsmessage.MustNewName("app.internal."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
		{Name: dnsmessage.MustNewName("_http._tcp.app."), Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET},
		{Name: dnsmessage.MustNewName("_."), Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET},
		{Name: dnsmessage.MustNewName("."), Type: dnsmessage.TypeAAAA, Class: dnsmessage.ClassANY},
	} {
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true}, Questions: []dnsmessage.Question{q}}
		raw, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(append(raw, raw...))
	}
	f.Add([]byte("\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01")) // a name that points at itself
	n := newNames()
	f.Fuzz(func(t *testing.T, question []byte) {
		answer := n.answer(question)
		if answer == nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(answer); err != nil {
			t.Fatalf("%q is answered by %q: %v", question, answer, err)
		}
		if len(m.Questions) != 1 || !m.Response || len(m.Answers) > 1 || len(answer) > 1500 || string(answer[:2]) != string(question[:2]) {
			t.Fatalf("%q is answered by %+v", question, m)
		}
	})
}
