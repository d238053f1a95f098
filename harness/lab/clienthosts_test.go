package lab

import (
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
	g.Expect(c.ClientConnectsTo(Request{})).To(Equal(FrontDoor))
}
