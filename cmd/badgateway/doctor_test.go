package main

import (
	"encoding/json"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/lab"
)

func TestDoctor_SaysWhatIsMissingAndWhatHelps(t *testing.T) {
	g := NewWithT(t)
	x := lab.Examination{Things: []lab.Thing{
		{Name: "engine", OK: true, Says: "Docker 1"},
		{Name: "nftables", Says: "operation not supported", Lost: "the scenarios that take it are skipped", Remedy: "modprobe nf_tables"},
	}, Lab: true}
	var out strings.Builder
	g.Expect(showExamination(&out, x, false)).To(Succeed())
	g.Expect(out.String()).To(MatchRegexp(`(?m)^ok +engine +Docker 1$`))
	g.Expect(out.String()).To(MatchRegexp(`(?m)^MISSING +nftables +operation not supported\n +lost: the scenarios that take it are skipped\n +remedy: modprobe nf_tables$`))
	g.Expect(x.Missing()).To(Equal("nftables"))
	out.Reset()
	g.Expect(showExamination(&out, x, true)).To(Succeed())
	var read struct {
		Schema string
		Lab    bool
		Things []lab.Thing
	}
	g.Expect(json.Unmarshal([]byte(out.String()), &read)).To(Succeed())
	g.Expect(read.Schema).To(Equal("badgateway.doctor/1"))
	g.Expect(read.Things).To(Equal(x.Things))
}
