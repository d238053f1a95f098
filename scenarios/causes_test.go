package scenarios

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestCauses(t *testing.T) {
	reproduced := map[string]bool{}
	for _, s := range All() {
		for _, id := range s.Causes {
			reproduced[id] = true
			if _, known := CauseByID(id); !known {
				t.Errorf("%s names the cause %s, which is not in the table", s.ID, id)
			}
		}
	}
	form := regexp.MustCompile(`^[A-Z][1-9]$`)
	var ids []string
	group := map[byte]string{}
	for _, c := range Causes() {
		t.Run(c.ID, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(c.ID).To(MatchRegexp(form.String()))
			g.Expect(ids).NotTo(ContainElement(c.ID), "the id is taken")
			ids = append(ids, c.ID)
			if letter := c.ID[0]; group[letter] == "" {
				group[letter] = c.Group
			}
			g.Expect(group[c.ID[0]]).To(Equal(c.Group), "a letter stands for one group")
			g.Expect(c.Title).NotTo(BeEmpty())
			g.Expect(c.Components).NotTo(BeEmpty())
			for _, text := range append([]string{c.Title, c.Missing}, c.Components...) {
				g.Expect(text).To(Equal(strings.TrimSpace(text)))
				g.Expect(text).NotTo(HaveSuffix("."))
			}
			if reproduced[c.ID] {
				g.Expect(c.Missing).To(BeEmpty(), "a scenario reproduces it")
				g.Expect(c.Scenarios()).NotTo(BeEmpty())
			} else {
				g.Expect(c.Missing).NotTo(BeEmpty(), "no scenario reproduces it: say what is missing")
				g.Expect(c.Scenarios()).To(BeEmpty())
			}
		})
	}
	if !slices.IsSorted(ids) {
		t.Errorf("not in the order of their ids: %v", ids)
	}
}

func TestCauseByID(t *testing.T) {
	g := NewWithT(t)
	c, ok := CauseByID("b1")
	g.Expect(ok).To(BeTrue())
	g.Expect(c.ID).To(Equal("B1"))
	_, ok = CauseByID("Z9")
	g.Expect(ok).To(BeFalse())
}
