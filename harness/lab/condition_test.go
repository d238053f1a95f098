package lab

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func TestCondition_WaitsForOneMoreThanBefore(t *testing.T) {
	t.Parallel()
	records := []fakeupstream.ConnectionRecord{{Requests: make([]fakeupstream.RequestRecord, 2)}, {}, {}}
	for _, c := range []struct {
		condition Condition
		says      string
		before    int
		reached   agentapi.ReachedSpec
	}{
		{RequestAt("app"), "app has the request", 2, agentapi.ReachedSpec{Name: "app", Requests: 3}},
		{ConnectionAt("app"), "app has the connection", 3, agentapi.ReachedSpec{Name: "app", Connections: 4}},
		{AnswerFrom("app"), "app has answered", 0, agentapi.ReachedSpec{Name: "app", Answers: 1}},
	} {
		g := NewWithT(t)
		g.Expect(c.condition.String()).To(Equal(c.says))
		g.Expect(c.condition.count(records)).To(Equal(c.before), c.says)
		w := Watch{sandbox: &Sandbox{id: "s1"}, until: c.condition, before: c.before}
		g.Expect(w.reached()).To(Equal(c.reached), c.says)
	}
}

// The zero condition asks nothing of the lab's container, which there is none of here.
func TestCondition_ZeroHoldsAtOnce(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	w, err := (&Sandbox{}).Watch(t.Context(), Condition{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.Wait(t.Context())).To(Succeed())
	g.Expect(Condition{}.String()).To(Equal("the gateway has the request"))
	g.Expect(Opened("/var/www/index.php").String()).To(Equal("/var/www/index.php is opened"))
}

func TestWatch_OfAnUnknownUpstreamIsAnError(t *testing.T) {
	t.Parallel()
	_, err := (&Sandbox{}).Watch(t.Context(), RequestAt("nobody"))
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring(`no upstream "nobody"`)))
}
