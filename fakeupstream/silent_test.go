package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestSilent(t *testing.T) {
	t.Parallel()
	for protocol, request := range map[string]string{HTTP: getRoot, FastCGI: fcgiRequest(true, "")} {
		t.Run(protocol, func(t *testing.T) {
			s := start(t, Spec{Protocol: protocol, Script: Always(Silent{})})
			c := dial(t, s)
			send(t, c, request)
			waitRequests(t, s, 1)
			staysOpen(t, s, c)
		})
	}
}

func TestSilent_EndsWhenTheClientCloses(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Silent{})
	c := dial(t, s)
	send(t, c, getRoot)
	waitRequests(t, s, 1)
	c.Close()
	g.Expect(closedRecord(t, s).ClosedBy).To(Equal(ByClient))
}

func TestSilent_AtAcceptReadsNothing(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Silent{At: AtAccept})
	c := dial(t, s)
	send(t, c, getRoot)
	g.Eventually(func() string { return firstDid(s) }, testTimeout).Should(Equal("silent at accept"))
	s.Close()
	g.Expect(s.Records()[0].BytesIn).To(BeZero())
	g.Expect(s.Records()[0].ClosedBy).To(Equal(ByShutdown))
}

func firstDid(s *Server) string {
	if r := s.Records(); len(r) > 0 {
		return r[0].Did
	}
	return ""
}
