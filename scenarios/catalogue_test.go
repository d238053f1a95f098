package scenarios

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/scenario"
)

func TestCatalogue_ScenariosAreComplete(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, s := range All() {
		t.Run(s.ID, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(s.ID).To(MatchRegexp(id.String()))
			g.Expect(seen).NotTo(HaveKey(s.ID), "the id is taken")
			seen[s.ID] = true
			for name, text := range map[string]string{
				"Claim": s.Claim, "Fault": s.Fault, "Confirm": s.Confirm, "Remedy": s.Remedy, "Source": s.Source, "Family": s.Family,
			} {
				g.Expect(text).NotTo(BeEmpty(), name)
				g.Expect(text).To(Equal(strings.TrimSpace(text)), name)
			}
			g.Expect(s.Claim).To(HaveSuffix("."), "the claim is a sentence")
			g.Expect(s.Variants).NotTo(BeEmpty())
			g.Expect(s.Expect.Status != 0 || s.Expect.NoAnswer != "").To(BeTrue(), "what the visitor gets is exact")
			kinds := map[scenario.VariantKind]int{}
			for _, tw := range s.Variants {
				kinds[tw.Kind]++
				for _, u := range tw.Upstreams {
					g.Expect(u.Fake == nil).NotTo(Equal(u.Real == nil), "an upstream is a fake or real")
				}
			}
			for k, n := range kinds {
				g.Expect(n).To(Equal(1), "one variant of the kind %s", k)
			}
		})
	}
}

// A fake is believed only because a real component gave the same line. What only one of them can do says why.
func TestCatalogue_WhatIsAloneSaysWhy(t *testing.T) {
	for _, s := range All() {
		switch {
		case len(s.Variants) == 1 && s.Alone == "":
			t.Errorf("%s has a %s variant only: add the other, or say in Alone why there is none", s.ID, s.Variants[0].Kind)
		case len(s.Variants) > 1 && s.Alone != "":
			t.Errorf("%s has both variants, and says why it has not", s.ID)
		}
	}
}

func TestSelect_NamesTheNearest(t *testing.T) {
	g := NewWithT(t)
	_, err := Select("fpm-ded")
	g.Expect(err).To(MatchError(ContainSubstring(`the nearest is "fpm-dead"`)))
	_, err = Select("FPM-DEAD")
	g.Expect(err).To(MatchError(ContainSubstring(`the nearest is "fpm-dead"`)))
	for pattern, says := range map[string]string{
		"fmp-*": "; families: ", "family:tmie": " time", "cause:Z9": "; causes: A1 ", "gateway:x": "; gateways: apache ",
	} {
		_, err = Select(pattern)
		g.Expect(err).To(MatchError(And(ContainSubstring(pattern+`" matches nothing`), ContainSubstring(says))), pattern)
	}
	some, err := Select("cause:a1")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(some).NotTo(BeEmpty())
	some, err = Select("gateway:apache")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(some).NotTo(BeEmpty())
	for _, s := range some {
		g.Expect(s.Gateway.Driver.Name).To(Equal("apache"), s.ID)
	}
}

func TestToRun_TakesALargeImageWhereItIsNamed(t *testing.T) {
	g := NewWithT(t)
	has := func(patterns ...string) bool {
		some, err := ToRun(patterns...)
		g.Expect(err).NotTo(HaveOccurred())
		return slices.ContainsFunc(some, func(s scenario.Scenario) bool { return s.ID == "browser-cookies" })
	}
	g.Expect([]bool{has(), has("cause:K2"), has("gateway:nginx")}).To(HaveEach(false))
	g.Expect([]bool{has("browser-cookies"), has("browser-*"), has("family:browser"), has("cause:K2", "family:browser")}).To(HaveEach(true))
	some, err := ToRun("cause:K2")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(some).NotTo(BeEmpty())
}

func TestShard_CoversTheCatalogueOnce(t *testing.T) {
	g := NewWithT(t)
	seen := map[string]int{}
	for _, part := range []string{"1/3", "2/3", "3/3"} {
		mine, err := Shard(All(), part)
		g.Expect(err).NotTo(HaveOccurred())
		for _, s := range mine {
			seen[s.ID]++
		}
	}
	g.Expect(seen).To(HaveLen(len(All())))
	for id, n := range seen {
		g.Expect(n).To(Equal(1), id)
	}
	for _, bad := range []string{"0/3", "4/3", "x", "1", "1/x"} {
		_, err := Shard(All(), bad)
		g.Expect(err).To(MatchError(ContainSubstring("K/N")), bad)
	}
}

func TestShuffle_SameSeedSameOrder(t *testing.T) {
	g := NewWithT(t)
	order := func(seed int64) (ids []string) {
		jobs := Jobs(All())
		Shuffle(jobs, seed)
		for _, j := range jobs {
			ids = append(ids, j.Scenario.ID+string(j.Variant.Kind))
		}
		return ids
	}
	g.Expect(order(7)).To(Equal(order(7)))
	g.Expect(order(7)).To(ConsistOf(order(8)))
}
