package suites

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
)

// known holds configs as well-known projects document them for nginx in front: the facts are theirs, the words are not.
const known = "testdata/known"

// inEachRun are those of them that each run takes: FastCGI, uwsgi, a stream, a unix socket with pages of its own, and websockets over
// connections that are kept. All take minutes, so they are for make test-known.
var inEachRun = []string{"nextcloud", "weblate", "rancher", "gitlab", "jenkins"}

var _ = Describe("the mends of configs of well-known projects", Label("check"), func() {
	cases, err := os.ReadDir(known)
	if err != nil {
		panic(err)
	}
	for _, c := range cases {
		name := c.Name()
		It("do no harm when they are all put in: "+name, func(ctx SpecContext) {
			if os.Getenv("BADGATEWAY_KNOWN") == "" && !slices.Contains(inEachRun, name) {
				Skip("all of them take minutes: make test-known does it")
			}
			config := filepath.Join(GinkgoT().TempDir(), name)
			Expect(os.CopyFS(config, os.DirFS(filepath.Join(known, name)))).To(Succeed())
			before := checkKnown(ctx, config, false)
			Expect(before.Fix).NotTo(BeEmpty())
			for _, c := range before.Fix {
				text, err := os.ReadFile(c.File)
				Expect(err).NotTo(HaveOccurred())
				Expect(string(text)).To(Equal(c.Before))
				Expect(os.WriteFile(c.File, []byte(c.After), 0o600)).To(Succeed())
				AddReportEntry(filepath.Base(c.File)+" with all mends", c.After, ReportEntryVisibilityFailureOrVerbose)
			}

			after := checkKnown(ctx, config, true)
			own := map[audit.Cell]bool{}
			for _, f := range before.Findings {
				if f.Proof != "" {
					for cell := range f.Cells(after) {
						own[cell] = true
					}
				}
			}
			harm, _ := audit.Worsened(before, after, own)
			Expect(harm).To(BeEmpty())
			Expect(worseChanges(before, after)).To(BeEmpty())
			Expect(leftOver(before, after)).To(BeEmpty())
		})
	}
})

// checkKnown is the report of a config that loads, of which each route is reached and each measurement came off.
func checkKnown(ctx context.Context, config string, noMends bool) *audit.Report {
	GinkgoHelper()
	r, err := measure.Run(ctx, measure.Options{Path: config, Lab: untrustedLab(ctx, ""), NoMends: noMends})
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Refused).To(BeNil())
	Expect(r.Routes).NotTo(BeEmpty())
	for _, route := range r.Routes {
		Expect(route.Reached).To(BeTrue(), "%s: %s", route.ID, route.Why)
		for _, m := range route.Measurements {
			Expect(m.Error).To(BeEmpty())
		}
	}
	return r
}

// worseChanges are what visitors would notice for the worse, but for what the findings name as the price of a mend.
func worseChanges(before, after *audit.Report) (texts []string) {
	priced := func(words string) bool {
		return slices.ContainsFunc(before.Findings, func(f audit.Finding) bool { return f.Proof != "" && strings.Contains(f.Costs, words) })
	}
	for _, c := range audit.Compare(before, after).Changes {
		told := c.Kind == audit.AnswerChanged && priced("peer") || c.Kind == audit.FaultApplies && priced("could not come about before")
		if c.Direction == audit.Worse && !told {
			texts = append(texts, c.Text)
		}
	}
	return texts
}

// leftOver are the findings after the mends whose mend had been proven before, and those with lines that had not been there to be tried.
func leftOver(before, after *audit.Report) (texts []string) {
	for _, f := range after.Findings {
		tried := slices.ContainsFunc(before.Findings, func(g audit.Finding) bool {
			return g.Rule == f.Rule && g.Proof == "" && (len(f.Routes) == 0 || slices.ContainsFunc(f.Routes, func(id string) bool { return slices.Contains(g.Routes, id) }))
		})
		if len(f.Edits) > 0 && !tried {
			texts = append(texts, f.Rule+": "+f.Saw+": "+f.Patch)
		}
	}
	return texts
}
