package lab

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

func TestRunBeside_TellsHowItEnded(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Upstreams: []Upstream{realApp, fakeApp}})
	fakelab.Answer[agentapi.ExecSpec](s.beside, "RunCommand", agentapi.Executed{Output: "ok\n"})
	g.Expect(c.RunBeside(t.Context(), "php", "php", "/a.php")).To(Equal("ok\n"))
	g.Expect(fakelab.Args[agentapi.ExecSpec](s.beside, "RunCommand")[0].Argv).To(Equal([]string{"php", "/a.php"}))

	fakelab.Answer[agentapi.ExecSpec](s.beside, "RunCommand", agentapi.Executed{Output: "no\n", Code: 255})
	_, err := c.RunBeside(t.Context(), "php", "php", "/a.php")
	g.Expect(err).To(MatchError(ContainSubstring("php /a.php ends with 255, and prints: no")))
	g.Expect(c.AwaitBeside(t.Context(), "php", "test", "-e", "/a")).To(MatchError(ContainSubstring("test -e /a ends with 255")))
	g.Expect(fakelab.Args[agentapi.ExecSpec](s.beside, "RunCommand")[2].Until).To(BeTrue())
	_, err = c.RunBeside(t.Context(), "app", "true")
	g.Expect(err).To(MatchError(ContainSubstring("takes a real one")))
}
