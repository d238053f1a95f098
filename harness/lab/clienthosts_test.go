package lab

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

func TestSetClientHosts_LeadsClientsToAnotherAddress(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{})
	undo, err := c.SetClientHosts(t.Context(), map[string]string{"example.com": "192.0.2.81"})
	g.Expect(err).NotTo(HaveOccurred())
	for _, of := range []struct {
		request Request
		options []Option
		want    string
	}{
		{Request{}, nil, "192.0.2.81:80"},
		{Request{Client: Local}, nil, "192.0.2.81:80"},
		{Request{Host: "other.example"}, nil, FrontDoor},
		{Request{Client: "another"}, nil, FrontDoor},
		{Request{}, []Option{At("192.0.2.80:8080")}, "192.0.2.80:8080"},
	} {
		s.agent.Forget()
		_, err := c.Do(t.Context(), of.request, of.options...)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(fakelab.Args[agentapi.AskSpec](s.agent, "Ask")[0].To).To(Equal(of.want), "%+v", of.request)
	}
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(c.ClientConnectsTo(t.Context(), Request{})).To(Equal(FrontDoor))
}

func TestSetClientDNS_LeadsClientsWhereItSays(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{})
	undo, err := c.SetClientDNS(t.Context(), "203.0.113.53:53")
	g.Expect(err).NotTo(HaveOccurred())
	fakelab.Answer[agentapi.LookUpSpec](s.agent, "LookUp", agentapi.LookedUp{Address: "192.0.2.81"})
	g.Expect(c.ClientConnectsTo(t.Context(), Request{Host: "shop.test"})).To(Equal("192.0.2.81:80"))
	asked := fakelab.Args[agentapi.LookUpSpec](s.agent, "LookUp")
	g.Expect(asked).To(HaveLen(1))
	g.Expect(asked[0].Server + " " + asked[0].Name).To(Equal("203.0.113.53:53 shop.test"))
	g.Expect(c.ClientConnectsTo(t.Context(), Request{Client: "another"})).To(Equal(FrontDoor))

	_, err = c.SetClientHosts(t.Context(), map[string]string{"shop.test": "192.0.2.82"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.ClientConnectsTo(t.Context(), Request{Host: "shop.test"})).To(Equal("192.0.2.82:80"), "the hosts file goes before DNS")

	fakelab.Fail[agentapi.LookUpSpec](s.agent, "LookUp", errors.New("it has no address: RCodeNameError"))
	_, err = c.Do(t.Context(), Request{})
	g.Expect(err).To(MatchError(ContainSubstring("looking up where the visitor connects to")))
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(c.ClientConnectsTo(t.Context(), Request{})).To(Equal(FrontDoor))
}
