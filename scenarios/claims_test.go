package scenarios

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/scenario"
)

func TestClaims_AreTested(t *testing.T) {
	g := NewWithT(t)
	var causes, said []string
	stated := catalogue()
	for _, c := range claims {
		g.Expect(c.says).To(HaveSuffix("."), "a claim is a sentence")
		g.Expect(said).NotTo(ContainElement(c.says), "it is claimed twice")
		g.Expect(c.predicts).NotTo(Equal(scenario.Prediction{}), c.says+" predicts nothing")
		_, known := CauseByID(c.cause)
		g.Expect(known).To(BeTrue(), c.cause)
		said, causes = append(said, c.says), append(causes, c.cause)
		for pattern := range strings.FieldsSeq(c.tested) {
			some := slices.ContainsFunc(stated, func(s scenario.Scenario) bool {
				ok, _ := matches(pattern, s)
				return ok
			})
			g.Expect(some).To(BeTrue(), "%q: nothing is called %s", c.says, pattern)
		}
	}
	g.Expect(slices.IsSorted(causes)).To(BeTrue(), "not in the order of the causes")
	for _, w := range WeighedClaims() {
		g.Expect(w.Verdict).NotTo(Equal(scenario.Untested), w.Says)
		g.Expect(w.Doubts).To(BeEmpty(), w.Says)
	}
}

// What articles say is in one place.
func TestSaid_FollowsFromTheClaims(t *testing.T) {
	g := NewWithT(t)
	for _, s := range catalogue() {
		g.Expect(s.Said).To(BeEmpty(), "%s: write it into claims.go, with what it predicts, and name the scenario there", s.ID)
	}
	said := map[string]string{}
	for _, s := range All() {
		said[s.ID] = s.Said
	}
	g.Expect(said["app-hangs"]).To(BeEmpty(), "it is a 504, as articles say")
	g.Expect(said["body-stalls"]).To(Equal("A time-out is a 504."))
}
