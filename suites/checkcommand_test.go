package suites

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	"golang.org/x/net/html"

	"github.com/badgateway/badgateway/harness/audit"
)

// carefulPolicy is a config that no rule of weight objects to.
const carefulPolicy = `events {}

http {
    server_tokens off;
    proxy_http_version 1.1;
    proxy_connect_timeout 2s;
    proxy_read_timeout 5s;
    proxy_buffer_size 16k;
    proxy_buffers 8 16k;

    server {
        listen 80;

        location /api/ {
            proxy_pass http://192.0.2.10:8080;
        }
    }
}
`

// patientConf is the same with a client that waits for a minute.
var patientConf = strings.Replace(carefulPolicy, "proxy_read_timeout 5s", "proxy_read_timeout 60s", 1)

// rewrite writes another text to a file.
func rewrite(path, text string) {
	GinkgoHelper()
	Expect(os.WriteFile(path, []byte(text), 0o644)).To(Succeed())
}

// inOneLine is a text as it was before it was wrapped for a terminal.
func inOneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

var _ = Describe("check, the command", Label("check-command"), func() {
	It("writes a policy that holds as long as nothing changes, and tells the route, the fault and the numbers when it does", func() {
		conf := file("nginx.conf", carefulPolicy)
		c := badgateway("check", conf, "--init", "--quiet").ended()
		Expect(c).To(gexec.Exit(0))
		Expect(c.stdout()).To(ContainSubstring("badgateway.yaml holds what visitors get now"))
		for range 3 {
			again := badgateway("check", conf, "--quiet").ended()
			Expect(again).To(gexec.Exit(0), "%s", again.stdout())
			Expect(again.stdout()).To(ContainSubstring("\npassed: "))
		}
		rewrite(conf, strings.Replace(carefulPolicy, "proxy_read_timeout 5s", "proxy_read_timeout 8s", 1))
		c = badgateway("check", conf, "--quiet").ended()
		Expect(c).To(gexec.Exit(1))
		Expect(inOneLine(c.stdout())).To(ContainSubstring(
			":80/api/: waited 8 s, and about 5 s is allowed (silent GET, silent POST, slow GET, slow POST, won't read POST, stalled GET, stalled POST)"))
		c = badgateway("check", conf, "--init", "--quiet").ended()
		Expect(c).To(gexec.Exit(2))
		Expect(c.stderr()).To(ContainSubstring("badgateway.yaml is there already: --force overwrites it"))
	})

	It("says what visitors would notice of a change, and nothing where they would not", func() {
		old, new := file("nginx.conf", carefulPolicy), file("nginx.conf", patientConf)
		lines := []string{
			"- :80/api/, upstream silent and slow: 504 after 5 s before, after 60 s now",
			"- :80/api/, upstream won't read, POST: 504 after 5 s before, after 60 s now",
			"- :80/api/, upstream stalled: 200 after 5 s before, after 60 s now",
			"- new finding: visitors wait 60 s (long-wait, nginx.conf:7)",
		}
		c := badgateway("check", new, "--against", old, "--quiet").ended()
		Expect(c).To(gexec.Exit(1))
		Expect(itemsOf(c.stdout())).To(Equal(lines))
		Expect(c.stdout()).To(HaveSuffix("\n4 changes: 4 worse\n"))

		c = badgateway("check", new, "--against", old, "--quiet", "--format", "markdown").ended()
		Expect(c).To(gexec.Exit(1))
		Expect(c.stdout()).To(HavePrefix("## What visitors would notice\n\n"))
		for i := range lines {
			lines[i] = strings.Replace(lines[i], "- :80/api/,", "- `:80/api/`,", 1)
		}
		Expect(itemsOf(c.stdout())).To(Equal(lines))

		c = badgateway("check", old, "--against", new, "--quiet").ended()
		Expect(c).To(gexec.Exit(0), "a change for the better is none to fail for")
		Expect(c.stdout()).To(ContainSubstring("upstream stalled: 200 after 60 s before, after 5 s now"))

		c = badgateway("check", old, "--against", old, "--quiet").ended()
		Expect(c).To(gexec.Exit(0))
		Expect(c.stdout()).To(HaveSuffix("\nvisitors would notice no difference\n"))
	})

	It("takes the old config from a git revision", func() {
		conf := file("nginx.conf", carefulPolicy)
		git := func(words ...string) {
			GinkgoHelper()
			cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, words...)...)
			cmd.Dir = filepath.Dir(conf)
			out, err := cmd.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), "%s", out)
		}
		git("init", "--quiet")
		git("add", ".")
		git("commit", "--quiet", "--message", "the config")
		rewrite(conf, patientConf)
		c := badgateway("check", conf, "--against", "git:HEAD", "--quiet").ended()
		Expect(c).To(gexec.Exit(1), "%s", c.stderr())
		Expect(c.stdout()).To(HavePrefix("git:HEAD:" + conf + " -> " + conf + "\n"))
		Expect(itemsOf(c.stdout())).To(ContainElement("- :80/api/, upstream stalled: 200 after 5 s before, after 60 s now"))
		c = badgateway("check", conf, "--against", "git:no-such-revision", "--quiet", noEngine).ended()
		Expect(c).To(gexec.Exit(2))
		Expect(c.stderr()).To(ContainSubstring("no-such-revision"))
	})

	It("ends with 0 within the policy, 1 with findings, 2 where the config can't be loaded, 3 without a lab", func(ctx SpecContext) {
		conf := file("nginx.conf", carefulPolicy)
		c := badgateway("check", conf).ended()
		Expect(c).To(gexec.Exit(0), "%s", c.stdout())
		Expect(leftOf(ctx, c.pid())).To(BeEmpty())

		c = badgateway("check", conf, "--fail-on", "low").ended()
		Expect(c).To(gexec.Exit(1))
		rewrite(conf, patientConf)
		c = badgateway("check", conf).ended()
		Expect(c).To(gexec.Exit(1))
		Expect(c.stdout()).To(ContainSubstring("[long-wait]"))

		rewrite(conf, strings.Replace(carefulPolicy, "listen 80;", "listen 80;\n        lisen 81;", 1))
		c = badgateway("check", conf, "--quiet").ended()
		Expect(c).To(gexec.Exit(2))
		Expect(c.stdout()).To(ContainSubstring(`unknown directive "lisen"`))
		Expect(c.stderr()).To(MatchRegexp(`\Abadgateway: .*nginx.conf can't be loaded: nginx.conf:13: .*\n\z`))
		Expect(leftOf(ctx, c.pid())).To(BeEmpty())

		rewrite(conf, carefulPolicy)
		c = badgateway("check", conf, noEngine).ended()
		Expect(c).To(gexec.Exit(3))
		Expect(c.stdout()).To(BeEmpty())
		Expect(c.stderr()).To(ContainSubstring("badgateway: no container engine answers at unix:///nonexistent.sock"))
	})

	It("writes reports that can be read: of what passed, of what was found, and of what was refused", func() {
		for text, code := range map[string]int{carefulPolicy: 0, patientConf: 1, carefulPolicy + "}": 2} {
			dir := filepath.Join(GinkgoT().TempDir(), "a new", "folder")
			Expect(badgateway("check", file("nginx.conf", text), "--reports", dir, "--quiet").ended()).To(gexec.Exit(code))
			read := func(name string) string {
				GinkgoHelper()
				b, err := os.ReadFile(filepath.Join(dir, name))
				Expect(err).NotTo(HaveOccurred())
				return string(b)
			}
			var r audit.Report
			strict := json.NewDecoder(strings.NewReader(read("report.json")))
			strict.DisallowUnknownFields()
			Expect(strict.Decode(&r)).To(Succeed())
			Expect(r.Schema).To(Equal(audit.Schema))
			Expect(r.Verdict).To(Equal([]string{audit.Passed, audit.Findings, audit.Refused}[code]))

			var junit struct {
				XMLName  xml.Name `xml:"testsuites"`
				Failures int      `xml:"failures,attr"`
				Errors   int      `xml:"errors,attr"`
			}
			Expect(xml.Unmarshal([]byte(read("junit.xml")), &junit)).To(Succeed())
			Expect(junit.Failures+junit.Errors > 0).To(Equal(code > 0))

			var sarif struct {
				Version string
				Runs    []struct {
					Results []struct {
						RuleID    string `json:"ruleId"`
						Locations []struct {
							PhysicalLocation struct {
								ArtifactLocation struct{ URI string }
								Region           struct{ StartLine int }
							}
						}
					}
				}
			}
			Expect(json.Unmarshal([]byte(read("report.sarif")), &sarif)).To(Succeed())
			Expect(sarif.Version).To(Equal("2.1.0"))
			Expect(sarif.Runs).To(HaveLen(1))
			Expect(sarif.Runs[0].Results).NotTo(BeEmpty())
			for _, s := range sarif.Runs[0].Results {
				Expect(s.Locations).NotTo(BeEmpty(), s.RuleID)
				Expect(s.Locations[0].PhysicalLocation.ArtifactLocation.URI).To(HaveSuffix("nginx.conf"))
				Expect(s.Locations[0].PhysicalLocation.Region.StartLine).To(BeNumerically(">", 0))
			}

			page := read("report.html")
			_, err := html.Parse(strings.NewReader(page))
			Expect(err).NotTo(HaveOccurred())
			Expect(badlyNested(page)).To(BeEmpty())
			Expect(page).NotTo(MatchRegexp(`(src|href)="https?://[^"]*\.(js|css)"`), "it needs no network")
		}
	})
})

// itemsOf are the items of a list of changes, each in one line.
func itemsOf(out string) (items []string) {
	for line := range strings.Lines(out) {
		switch line = strings.TrimRight(line, "\n"); {
		case strings.HasPrefix(line, "- "):
			items = append(items, line)
		case strings.HasPrefix(line, "  ") && len(items) > 0:
			items[len(items)-1] += " " + strings.TrimSpace(line)
		}
	}
	return items
}
