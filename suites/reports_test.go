package suites

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	"golang.org/x/net/html"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
)

// badlyNested names the elements of a page that are not closed where they have to be.
func badlyNested(page string) (bad []string) {
	void := map[string]bool{"meta": true, "link": true, "br": true, "hr": true, "img": true, "input": true, "col": true}
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return append(bad, open...)
		case html.StartTagToken:
			if name, _ := z.TagName(); !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if n := len(open); n > 0 && open[n-1] == string(name) {
				open = open[:n-1]
			} else {
				bad = append(bad, "/"+string(name))
			}
		}
	}
}

var _ = Describe("the reports", func() {
	It("are written for a CI system, for programs and for a browser, of what passed and of what failed", func() {
		dir := filepath.Join(GinkgoT().TempDir(), "a new", "folder")
		conf := another("fpm-dead", "listen 80;", errorPage503)
		c := badgateway("run", "--all", "fpm-dead", "php-recursion", "--config", conf, "--reports", dir).ended()
		Expect(c).To(gexec.Exit(1))
		Expect(c.stdout()).To(ContainSubstring("reports: " + filepath.Join(dir, "index.html")))
		read := func(name string) []byte {
			GinkgoHelper()
			text, err := os.ReadFile(filepath.Join(dir, name))
			Expect(err).NotTo(HaveOccurred())
			return text
		}

		var run struct {
			Schema         string
			Run            report.Run
			Passed, Failed int
			Scenarios      []scenario.Evidence
		}
		strict := json.NewDecoder(strings.NewReader(string(read("evidence.json"))))
		strict.DisallowUnknownFields()
		Expect(strict.Decode(&run)).To(Succeed())
		Expect(run.Schema).To(Equal(report.RunSchema))
		Expect(run.Passed).To(Equal(2))
		Expect(run.Failed).To(Equal(2))
		Expect(run.Scenarios).To(HaveLen(4))
		Expect(run.Run.Command).To(HavePrefix("badgateway run --all fpm-dead"))

		var junit struct {
			XMLName xml.Name `xml:"testsuites"`
			Suites  []struct {
				Tests    int `xml:"tests,attr"`
				Failures int `xml:"failures,attr"`
				Cases    []struct {
					Name    string `xml:"name,attr"`
					Failure *struct {
						Text string `xml:",chardata"`
					} `xml:"failure"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		Expect(xml.Unmarshal(read("junit.xml"), &junit)).To(Succeed())
		failed := map[string]bool{}
		for _, s := range junit.Suites {
			failures := 0
			for _, c := range s.Cases {
				failed[c.Name] = c.Failure != nil
				if c.Failure != nil {
					failures++
					Expect(c.Failure.Text).To(ContainSubstring("expected 502"))
				}
			}
			Expect(s.Tests).To(Equal(len(s.Cases)))
			Expect(s.Failures).To(Equal(failures))
		}
		Expect(failed).To(HaveLen(4))
		n := 0
		for name, bad := range failed {
			Expect(bad).To(Equal(strings.Contains(name, "fpm-dead")), name)
			n++
		}
		Expect(n).To(Equal(4))

		page := string(read("index.html"))
		_, err := html.Parse(strings.NewReader(page))
		Expect(err).NotTo(HaveOccurred())
		Expect(badlyNested(page)).To(BeEmpty())
		for _, e := range run.Scenarios {
			Expect(page).To(ContainSubstring(e.Scenario))
			Expect(page).To(ContainSubstring(html.EscapeString(e.Claim)))
		}
		Expect(page).NotTo(MatchRegexp(`(src|href)="https?://[^"]*\.(js|css)"`), "it needs no network")
	})
})
