package suites

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"github.com/badgateway/badgateway/harness/lab"
	. "github.com/badgateway/badgateway/harness/match"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/scenarios"
)

// noEngine is an engine that nobody has: what is said in spite of it was said before a lab was tried.
var noEngine = env("DOCKER_HOST", "unix:///nonexistent.sock")

// errorPage503 makes a gateway answer 503 where it would have answered 502.
const errorPage503 = `listen 80;
        error_page 502 @sorry;
        location @sorry { return 503; }`

// file writes a file, and returns its path.
func file(name, text string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), name)
	Expect(os.WriteFile(path, []byte(text), 0o644)).To(Succeed())
	return path
}

// another is a scenario's config with something replaced, in a file.
func another(id, old, new string) string {
	GinkgoHelper()
	some, err := scenarios.Select(id)
	Expect(err).NotTo(HaveOccurred())
	conf := some[0].Gateway.Config
	Expect(strings.Count(conf, old)).To(Equal(1))
	return file("another.conf", strings.Replace(conf, old, new, 1))
}

var _ = Describe("the command", func() {
	DescribeTable("says what is wrong before it looks for an engine, in one line with the remedy, and ends with 2",
		func(words []any, says string) {
			c := badgateway(append(words, noEngine)...).ended()
			Expect(c).To(gexec.Exit(2))
			Expect(c.stdout()).To(BeEmpty())
			Expect(c.stderr()).To(MatchRegexp(`^badgateway: .*\n$`))
			Expect(c.stderr()).To(ContainSubstring(says))
		},
		Entry("a scenario that there is not", []any{"run", "fpm-ded"}, `no scenario is called "fpm-ded"; the nearest is "fpm-dead"`),
		Entry("the same for a lab", []any{"lab", "fpm-ded"}, `the nearest is "fpm-dead"`),
		Entry("the same for a list", []any{"list", "cause:Z9"}, `"cause:Z9" matches nothing; causes: A1 `),
		Entry("nothing to run", []any{"run"}, "name a scenario, or give --all (badgateway list shows what there is)"),
		Entry("a lab of several", []any{"lab", "fpm-*"}, "a lab shows one"),
		Entry("a shard that there is not", []any{"run", "--all", "--shard", "6/5"}, `K/N with K from 1 to N, like 2/5, not "6/5"`),
		Entry("a shard of another form", []any{"run", "--all", "--shard", "2"}, `K/N with K from 1 to N, like 2/5, not "2"`),
		Entry("a twin that there is not", []any{"run", "fpm-dead", "--twin", "bad"}, `--twin is real or fake, not "bad"`),
		Entry("the same for a lab", []any{"lab", "fpm-dead", "--twin", "bad"}, `fpm-dead has no variant of kind "bad"; it has real + fake`),
		Entry("a number that is none", []any{"run", "fpm-dead", "--labs", "0"}, "--labs is 1 to 32, --repeat is 1 or more, --parallel is not negative"),
		Entry("a number that is no number", []any{"run", "fpm-dead", "--repeat", "x"}, `--repeat takes a number, not "x"`),
		Entry("a door that nothing waits at", []any{"check", ".", "--listen", "127.0.0.1:8080"}, "--listen is where --keep waits for your request"),
		Entry("a flag that there is not", []any{"run", "fpm-dead", "--shart", "1/2"}, "unknown flag: --shart"),
		Entry("a config that there is not", []any{"run", "fpm-dead", "--config", "/nonexistent.conf"}, "reading the config: /nonexistent.conf: no such file"),
		Entry("reports where there can be none", []any{"run", "fpm-dead", "--reports", "/dev/null/reports"}, "making the folder for the reports: mkdir /dev/null: not a directory"),
	)

	It("names the command that is nearest to one that there is not", func() {
		c := badgateway("rum", noEngine).ended()
		Expect(c).To(gexec.Exit(2))
		Expect(c.stderr()).To(MatchRegexp(`^badgateway: unknown command "rum" for "badgateway"\n\nDid you mean this\?\n\trun\n`))
	})

	It("says that a port is taken, and what to do", func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		defer l.Close()
		c := badgateway("lab", "fpm-dead", "--listen", l.Addr().String(), noEngine).ended()
		Expect(c).To(gexec.Exit(2))
		Expect(c.stderr()).To(MatchRegexp(`^badgateway: listening for your curl on %s: .*address already in use \(--listen 127.0.0.1:0 takes any free port\)\n$`, l.Addr()))
	})

	It("says that no engine answers, in one line with the remedy, and ends with 3", func() {
		for _, words := range [][]any{{"run", "fpm-dead"}, {"lab", "fpm-dead"}, {"images"}, {"clean"}} {
			c := badgateway(append(words, noEngine)...).ended()
			Expect(c).To(gexec.Exit(3))
			Expect(c.stderr()).To(MatchRegexp(`^badgateway: no container engine answers at unix:///nonexistent.sock \(.*\): start it, or name another in DOCKER_HOST, or unset that\n$`))
		}
	})

	It("says that an image is not to be had, and ends with 3", func(ctx SpecContext) {
		c := badgateway("run", "fpm-dead", "--gateway-image", "registry.invalid/nginx:none").ended()
		Expect(c).To(gexec.Exit(3))
		Expect(c.stdout()).To(BeEmpty())
		Expect(c.stderr()).To(MatchRegexp(`\Apulling registry.invalid/nginx:none\nbadgateway: image registry.invalid/nginx:none is not on the engine, and pulling it failed \(.*\): .*\n\z`))
		Expect(leftOf(ctx, c.pid())).To(BeEmpty())
	})

	DescribeTable("says in nginx's own words why it refuses a config, and ends with 2",
		func(ctx SpecContext, words ...any) {
			conf := another("fpm-dead", "listen 80;", "listen 80;\n        lisen 81;")
			c := badgateway(append(words, "--config", conf)...).ended()
			Expect(c).To(gexec.Exit(2))
			Expect(c.stdout()).To(BeEmpty())
			last := c.stderr()[strings.Index(c.stderr(), "badgateway: "):]
			Expect(last).To(MatchRegexp(`^badgateway: unknown directive "lisen" in /etc/nginx/nginx.conf:\d+ \(the gateway does not start with %s\)\n$`, regexp.QuoteMeta(conf)))
			Expect(leftOf(ctx, c.pid())).To(BeEmpty())
		},
		Entry("of one scenario", "run", "fpm-dead"),
		Entry("of many", "run", "--all"),
		Entry("of a lab", "lab", "fpm-dead"),
	)

	It("lists the catalogue as JSON, an object a line", func() {
		c := badgateway("list", "--json", noEngine).ended()
		Expect(c).To(gexec.Exit(0))
		var ids []string
		for line := range strings.Lines(c.stdout()) {
			var s struct {
				ID, Gateway, Family, Claim, Said, Fault, Confirm, Remedy, Source string
				Page, Access                                                     string
				Causes, Log, Variants                                            []string
				Status                                                           int
				NoAnswer                                                         string `json:"no_answer"`
				Cut                                                              bool
				AfterNanos                                                       *int64 `json:"after_ns"`
			}
			strict := json.NewDecoder(strings.NewReader(line))
			strict.DisallowUnknownFields()
			Expect(strict.Decode(&s)).To(Succeed(), line)
			Expect([]string{s.Gateway, s.Family, s.Claim, s.Fault, s.Confirm, s.Remedy, s.Source}).NotTo(ContainElement(""), line)
			Expect(s.Status != 0 || s.NoAnswer != "").To(BeTrue(), line)
			Expect(s.AfterNanos).NotTo(BeNil(), line)
			Expect(s.Log).NotTo(BeNil(), line)
			Expect(s.Causes).NotTo(BeNil(), line)
			Expect(s.Variants).NotTo(BeEmpty(), line)
			ids = append(ids, s.ID)
		}
		var want []string
		for _, s := range scenarios.All() {
			want = append(want, s.ID)
		}
		Expect(ids).To(Equal(want))
	})

	It("runs as JSON, an object a line, and nothing else on that stream", func() {
		c := badgateway("run", "fpm-dead", "--json", "--repeat", "2").ended()
		Expect(c).To(gexec.Exit(0))
		n := 0
		for line := range strings.Lines(c.stdout()) {
			var e struct {
				Schema string
				scenario.Evidence
			}
			strict := json.NewDecoder(strings.NewReader(line))
			strict.DisallowUnknownFields()
			Expect(strict.Decode(&e)).To(Succeed(), line)
			Expect(e.Schema).To(Equal(report.ScenarioSchema))
			Expect(e.Evidence).To(HavePassed())
			Expect(e.Evidence).To(HaveStatus(502))
			n++
		}
		Expect(n).To(Equal(4), "two variants, twice")
		Expect(c.stderr()).To(ContainSubstring("0 differing verdicts in 4 runs\n"))
	})

	It("tells all of a failure: what was expected, what came, who did what when, the config, the log, how to run it again", func() {
		conf := another("fpm-dead", "listen 80;", errorPage503)
		c := badgateway("run", "--all", "fpm-dead", "--twin", "fake", "--config", conf).ended()
		Expect(c).To(gexec.Exit(1))
		out := c.stdout()
		Expect(out).To(HavePrefix("FAILED fpm-dead (fake): PHP-FPM is not running"))
		Expect(out).To(MatchRegexp(`(?m)^  status  expected 502\n          came     503$`))
		for _, actor := range []string{"gateway", "upstream app", "visitor", "fault", "remedy"} {
			Expect(out).To(MatchRegexp(`(?m)^ +\d+\.\d ms  %s +\S`, actor))
		}
		Expect(out).To(MatchRegexp(`(?m)^  .*connect\(\) failed \(111: Connection refused\) while connecting to upstream, client: `))
		Expect(out).To(MatchRegexp(`(?m)^ +\d+ +error_page 502 @sorry;$`))
		Expect(out).To(MatchRegexp(`\nRun it again\n  \S*badgateway run fpm-dead --config %s --twin fake\n`, regexp.QuoteMeta(conf)))
		Expect(out).To(ContainSubstring("0 passed, 1 failed"))

		again := strings.Fields(regexp.MustCompile(`(?m)^  \S*badgateway (run .*)$`).FindStringSubmatch(out)[1])
		var words []any
		for _, w := range again {
			words = append(words, w)
		}
		Expect(badgateway(words...).ended()).To(gexec.Exit(1), "it fails again")
	})

	It("keeps one thing broken, mends it at Enter, and ends at the next", func(ctx SpecContext) {
		c := badgateway("lab", "fpm-dead")
		Eventually(c.Out).WithTimeout(soon).Should(gbytes.Say("Enter mends it"))
		address := regexp.MustCompile(`curl -i (http://\S+)`).FindStringSubmatch(c.stdout())
		Expect(address).To(HaveLen(2))
		visitor := &http.Client{Timeout: soon, Transport: &http.Transport{DisableKeepAlives: true}}
		get := func() *http.Response {
			GinkgoHelper()
			answer, err := visitor.Get(address[1])
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.Body.Close()).To(Succeed())
			return answer
		}
		Expect(get()).To(HaveStatus(502))
		Expect(get()).To(HaveStatus(502), "it stays broken")
		Eventually(c.Out).WithTimeout(soon).Should(gbytes.Say(`error.log: .*connect\(\) failed \(111: Connection refused\)`))
		_, err := c.in.Write([]byte("\n"))
		Expect(err).NotTo(HaveOccurred())
		Eventually(c.Out).WithTimeout(soon).Should(gbytes.Say("Enter ends the lab"))
		Expect(get()).To(HaveStatus(200))
		_, err = c.in.Write([]byte("\n"))
		Expect(err).NotTo(HaveOccurred())
		Expect(c.ended()).To(gexec.Exit(0))
		Expect(leftOf(ctx, c.pid())).To(BeEmpty())
		_, err = visitor.Get(address[1])
		Expect(err).To(MatchError(ContainSubstring("connection refused")))
	})

	It("runs one part of the catalogue on each of several machines", func() {
		var ids []string
		for _, shard := range []string{"1/2", "2/2"} {
			c := badgateway("run", "--all", "family:service", "--twin", "fake", "--shard", shard, "--json").ended()
			Expect(c).To(gexec.Exit(0))
			for line := range strings.Lines(c.stdout()) {
				var e scenario.Evidence
				Expect(json.Unmarshal([]byte(line), &e)).To(Succeed())
				ids = append(ids, e.Scenario)
			}
		}
		some, err := scenarios.Select("family:service")
		Expect(err).NotTo(HaveOccurred())
		var want []string
		for _, s := range some {
			if slices.ContainsFunc(s.Variants, func(v scenario.Variant) bool { return v.Kind == scenario.Fake }) {
				want = append(want, s.ID)
			}
		}
		Expect(ids).To(ConsistOf(want))
	})

	It("shows what each gateway makes of a fault, and that fakes are like what is real, from what it runs", func() {
		c := badgateway("matrix", "closes", "--json").ended()
		Expect(c).To(gexec.Exit(0))
		var row scenario.MatrixRow
		Expect(json.Unmarshal([]byte(c.stdout()), &row)).To(Succeed())
		Expect(len(row.Cells)).To(Equal(len(scenarios.Compared())))
		Expect(row.Cells[0].Gateway).To(HavePrefix("nginx/"))
		Expect(row.Cells[0].Got.Status).To(Equal(502))

		c = badgateway("fidelity", "app-dies", "http-to-tls").ended()
		Expect(c).To(gexec.Exit(0))
		Expect(c.stdout()).To(And(ContainSubstring("1 alike, 1 fake only"), ContainSubstring("fake only http-to-tls: ")))

		versions := strings.Join(lab.NginxVersions()[:2], ",")
		Eventually(badgateway("images", "--nginx", versions).Session).WithTimeout(5 * time.Minute).Should(gexec.Exit(0))
		c = badgateway("matrix", "--nginx", versions, "header-invalid", "app-dies").ended()
		Expect(c).To(gexec.Exit(0))
		Expect(c.stdout()).To(And(ContainSubstring("header-invalid"), Not(ContainSubstring("app-dies")), ContainSubstring("1 of 2 scenarios differ")))
	})

	Describe("completion", func() {
		complete := func(words ...any) []string {
			GinkgoHelper()
			c := badgateway(append([]any{"__completeNoDesc"}, words...)...).ended()
			Expect(c).To(gexec.Exit(0))
			return strings.Fields(c.stdout())
		}
		It("completes ids, families, causes, gateways and variants", func() {
			Expect(complete("run", "fpm-dea")).To(Equal([]string{"fpm-dead", ":4"}))
			Expect(complete("lab", "fpm-dea")).To(Equal([]string{"fpm-dead", ":4"}))
			Expect(complete("lab", "fpm-dead", "")).To(Equal([]string{":4"}), "a lab takes one")
			Expect(complete("list", "family:serv")).To(Equal([]string{"family:service", ":4"}))
			Expect(complete("run", "gateway:a")).To(Equal([]string{"gateway:apache", ":4"}))
			Expect(complete("run", "cause:A1")).To(Equal([]string{"cause:A1", ":4"}))
			Expect(complete("run", "fpm-dead", "--twin", "")).To(Equal([]string{"real", "fake", ":4"}))
		})
		It("is installed in bash with one line", func() {
			bash, err := exec.LookPath("bash")
			if err != nil {
				Skip("no bash here")
			}
			cmd := exec.Command(bash, "-c", `source <("$1" completion bash) && complete -p badgateway`, "bash", program())
			out, err := cmd.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(out))
			Expect(string(out)).To(MatchRegexp(`^complete .*-F __start_badgateway badgateway\n$`))
		})
	})

	It("is quick to say what there is", func() {
		begun := time.Now()
		Expect(badgateway("list", noEngine).ended()).To(gexec.Exit(0))
		Expect(time.Since(begun)).To(BeNumerically("<", 5*time.Second))
	})
})
