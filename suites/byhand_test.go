package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/byhand"
)

// What a lab prints is held against what the printed command gets, five times before Enter and five times after.
var _ = Describe("A lab by hand", func() {
	It("prints what the printed command gets, at the first request and at the fifth, broken and mended", func(ctx SpecContext) {
		needsCurl()
		seed := GinkgoRandomSeed()
		fmt.Fprintf(GinkgoWriter, "variants and order of seed %d\n", seed)
		jobs := slices.DeleteFunc(oneVariantEach(picked(), rand.New(rand.NewPCG(uint64(seed), 0))), notByHand)
		if sampled() { // four minutes otherwise
			jobs = jobs[:(len(jobs)+2)/3]
		}
		var wrong []string
		var mu sync.Mutex
		each(jobs, 6, func(j scenario.Job) {
			for _, problem := range tryByHand(ctx, j) {
				mu.Lock()
				wrong = append(wrong, fmt.Sprintf("%s (%s): %s", j.Scenario.ID, j.Variant.Kind, problem))
				mu.Unlock()
			}
		})
		slices.Sort(wrong)
		Expect(wrong).To(BeEmpty(), strings.Join(wrong, "\n"))
	})

	It("goes by the time of who tries it", func(ctx SpecContext) {
		needsCurl()
		conf := filepath.Join(GinkgoT().TempDir(), "nginx.conf")
		Expect(os.WriteFile(conf, []byte(twoRoutes), 0o644)).To(Succeed())
		begun := time.Now()
		Expect(tryKept(ctx, conf, "a.example.test/", "slow", "")).To(BeEmpty())
		Expect(time.Since(begun)).To(BeNumerically(">=", 5*2*time.Second), "five waits of 2 s, each as long as it says")
	})

	It("prints what the printed command gets of a config that is kept broken, under every fault of a check", func(ctx SpecContext) {
		needsCurl()
		l := untrustedLab(ctx, "")
		// By what a visitor does nothing is broken that could be kept so.
		faults := slices.DeleteFunc(review.Faults(), func(f audit.Fault) bool { return f.Visitor })
		var wrong []string
		var mu sync.Mutex
		var all sync.WaitGroup
		turn := make(chan struct{}, 4)
		for _, f := range faults {
			turn <- struct{}{}
			all.Go(func() {
				defer func() { <-turn }()
				defer GinkgoRecover()
				for _, problem := range tryKeptIn(ctx, l, f) {
					mu.Lock()
					wrong = append(wrong, f.ID+": "+problem)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		slices.Sort(wrong)
		Expect(wrong).To(BeEmpty(), strings.Join(wrong, "\n"))
	})

	DescribeTable("a config that is kept broken", func(ctx SpecContext, route, fault string) {
		needsCurl()
		conf := filepath.Join(GinkgoT().TempDir(), "nginx.conf")
		Expect(os.WriteFile(conf, []byte(twoRoutes), 0o644)).To(Succeed())
		Expect(tryKept(ctx, conf, route, fault, "--fast")).To(BeEmpty())
	},
		Entry("a time-out", "a.example.test/", "silent"),
		Entry("all of a pool are dead", "b.example.test/", "refused"),
		Entry("the gateway does not start", "b.example.test/", "name-gone"),
	)
})

// oneVariantEach takes one variant of each scenario by chance, in an order by chance: what is printed is the scenario's, whichever is behind
// the gateway, and that both give the same is what the catalogue proves.
func oneVariantEach(all []scenario.Scenario, r *rand.Rand) (jobs []scenario.Job) {
	for _, i := range r.Perm(len(all)) {
		jobs = append(jobs, scenario.Job{Scenario: all[i], Variant: all[i].Variants[r.IntN(len(all[i].Variants))]})
	}
	return jobs
}

// notByHand reports whether ten requests would take most of a minute, at gateways of an image of their own, whose clock only goes faster:
// what is printed of such a wait comes from the same code as of Apache's, which are tried, and the catalogue proves both its sides. For a
// quarter of a second nobody can tell how many of his requests come within it. What Apache and HAProxy log of visitors who left comes when
// the application ends, at the remedy. Traffic Server writes two logs, each a second or two late, so that nobody can tell their order; and the
// server that failed three requests it asks once for each in the minute after, which is soon over by a clock that goes faster.
func notByHand(j scenario.Job) bool {
	if then := j.Scenario.Then; then != nil && then.For > 0 && then.For < time.Second {
		return true
	}
	if e := j.Scenario.Expect; j.Scenario.Leaves && e.After > time.Minute || e.After == 0 && e.Until > 0 && j.Variant.RemedyTakes > 0 {
		return true // no clock runs ahead of him who leaves, or of an application that goes by the machine's, and five waits take minutes
	}
	if id := j.Scenario.ID; id == "apache-left" || id == "haproxy-left" || j.Scenario.Gateway.Driver.Name == "trafficserver" {
		return true
	}
	return j.Scenario.Gateway.Driver.Own != "" && j.Scenario.Expect.After >= 20*time.Second
}

// twoRoutes is a config with one upstream, and with two.
const twoRoutes = `events {}
http {
    upstream pool { server one:8080; server two:8080; }
    server { listen 80; server_name a.example.test; location / { proxy_pass http://10.1.2.3:80; proxy_read_timeout 2s; } }
    server { listen 80; server_name b.example.test; location / { proxy_pass http://pool; } }
}
`

// locationFor is a config in which a fault makes sense.
func locationFor(f audit.Fault) string {
	const tls = `location / { proxy_pass https://app.example.test; proxy_ssl_verify on; proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt; }`
	const kept = `location / { proxy_pass http://kept; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 2s; }`
	const pool = `location / { proxy_pass http://pool; proxy_read_timeout 2s; proxy_connect_timeout 2s; }`
	const plain = `location / { proxy_pass http://10.1.2.3:80; proxy_read_timeout 2s; proxy_connect_timeout 2s; }`
	switch f.Kind {
	case audit.TLSFault:
		return tls
	case audit.Reuse:
		return kept
	case audit.NameGone, audit.NameMoved, audit.OnePeer, audit.OneSilent:
		return pool
	case audit.OneOfName:
		return `location / { proxy_pass http://localhost:8000; }`
	}
	switch f.Needs {
	case audit.NeedsHTTP11:
		return kept
	case audit.NeedsOddHost:
		return pool
	case audit.NeedsAuth:
		return `location = /auth { internal; proxy_pass http://10.1.2.4:80; } location / { auth_request /auth; proxy_pass http://10.1.2.3:80; }`
	}
	return plain
}

// tryKeptIn does the same with a config that one fault is kept in, as check --keep does it.
func tryKeptIn(ctx context.Context, l *lab.Lab, f audit.Fault) []string {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	conf := filepath.Join(GinkgoT().TempDir(), "nginx.conf")
	text := "events {}\nhttp {\nupstream pool { server one:8080; server two:8080; }\nupstream kept { server 10.1.2.3:80; keepalive 4; }\n" +
		"server { listen 80; server_name a.example.test; " + locationFor(f) + " }\n}\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return []string{err.Error()}
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return []string{err.Error()}
	}
	defer door.Close()
	route := "a.example.test/"
	if f.Needs == audit.NeedsAuth {
		route = "a.example.test = /auth"
	}
	kept, err := measure.Keep(ctx, measure.Options{Path: conf, Lab: l}, route, f.ID)
	if err != nil {
		return []string{err.Error()}
	}
	defer kept.Close()
	in, enter := io.Pipe()
	defer enter.Close()
	s := byHandReader{driver: nginx.Driver, out: gbytes.NewBuffer(), ended: make(chan error, 1)}
	go func() {
		s.ended <- byhand.Try(ctx, kept, byhand.Options{Listener: door, In: in, Out: s.out, Fast: true, Gone: kept.Gone()}, kept.Texts(true))
	}()
	s.tryAll(ctx, enter)
	return s.wrong
}

// tryKept does the same with check --keep.
func tryKept(ctx context.Context, conf, route, fault, fast string) []string {
	GinkgoHelper()
	words := []any{"check", conf, "--route", route, "--fault", fault, "--keep"}
	if fast != "" {
		words = append(words, fast)
	}
	c := badgateway(words...)
	s := byHandReader{driver: nginx.Driver, out: c.Out, ended: make(chan error, 1)}
	go func() {
		<-c.Exited
		var err error
		if code := c.ExitCode(); code != 0 {
			err = fmt.Errorf("it exits with %d and says %s", code, c.stderr())
		}
		s.ended <- err
	}()
	s.tryAll(ctx, c.in)
	return s.wrong
}

// each does the jobs, so many at once.
func each(jobs []scenario.Job, at int, do func(scenario.Job)) {
	var all sync.WaitGroup
	turn := make(chan struct{}, at)
	for _, j := range jobs {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			defer GinkgoRecover()
			do(j)
		})
	}
	all.Wait()
}

// needsCurl gets curl, where this machine is Debian's and ours.
func needsCurl() {
	GinkgoHelper()
	if _, err := exec.LookPath("curl"); err == nil {
		return
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		Skip("no curl here, and it can't be installed: apt-get install curl")
	}
	out, err := exec.Command("sh", "-c", "apt-get -qq update && apt-get -qq install -y curl").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
}

// tryByHand does what somebody does who reads what the lab prints, and reports what was not as it said.
func tryByHand(ctx context.Context, j scenario.Job) []string {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return []string{err.Error()}
	}
	defer door.Close()
	in, enter := io.Pipe()
	defer enter.Close()
	s := byHandReader{driver: j.Scenario.Gateway.Driver, out: gbytes.NewBuffer(), ended: make(chan error, 1)}
	go func() {
		s.ended <- byhand.Scenario(ctx, shared, j.Scenario, j.Variant, byhand.Options{Listener: door, In: in, Out: s.out, Fast: true})
	}()
	s.tryAll(ctx, enter)
	return s.wrong
}

// tryAll asks five times before Enter, and five times after.
func (s *byHandReader) tryAll(ctx context.Context, enter io.Writer) {
	for _, mark := range []string{"Enter mends it.\n\n", "Enter ends the lab.\n\n"} {
		text, err := s.await(mark)
		if err != nil {
			s.add("%v", err)
			return
		}
		s.learn(text)
		for i := range 5 {
			s.ask(ctx, i)
		}
		s.compareLogs()
		_, _ = io.WriteString(enter, "\n")
	}
	if err := <-s.ended; err != nil {
		s.add("ending it: %v", err)
	}
}

// byHandReader knows what he has read.
type byHandReader struct {
	driver  gateway.Driver
	out     *gbytes.Buffer
	ended   chan error
	read    int // how much of out
	command string
	steps   []*said
	cycles  bool // they come in turn
	later   bool // all but the first come only after some time
	logged  []string
	wrong   []string
}

// said is what the lab says that one client gets.
type said struct {
	status, code int
	log          []string
}

func (s *byHandReader) add(format string, a ...any) {
	s.wrong = append(s.wrong, fmt.Sprintf(format, a...))
}

// unread is what has been printed and not been read.
func (s *byHandReader) unread() string { return string(s.out.Contents())[s.read:] }

// await reads up to a mark.
func (s *byHandReader) await(mark string) (string, error) {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if text, _, found := strings.Cut(s.unread(), mark); found {
			s.read += len(text) + len(mark)
			return text, nil
		}
		select {
		case err := <-s.ended:
			return "", fmt.Errorf("the lab ended (%v), and printed %s", err, s.unread())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return "", fmt.Errorf("the lab does not print %q within two minutes, but %s", mark, s.unread())
}

var (
	label    = regexp.MustCompile(`^(try it|expect|then|log|broken|mended|time): +(.*)$`)
	number   = regexp.MustCompile(`^\d+`)
	curlEnds = regexp.MustCompile(`curl ends with (\d+)`)
)

// learn reads what is expected.
func (s *byHandReader) learn(text string) {
	s.steps, s.cycles, s.later, s.logged = nil, false, false, nil
	for line := range strings.Lines(text) {
		m := label.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		switch m[1] {
		case "try it":
			s.command = m[2]
		case "expect", "then":
			one := &said{}
			one.status, _ = strconv.Atoi(number.FindString(m[2]))
			if code := curlEnds.FindStringSubmatch(m[2]); code != nil {
				one.code, _ = strconv.Atoi(code[1])
			}
			s.steps = append(s.steps, one)
			s.cycles = s.cycles || strings.Contains(m[2], "in turn")
			s.later = s.later || strings.Contains(m[2], "only once")
		case "log":
			last := s.steps[len(s.steps)-1]
			last.log = append(last.log, m[2])
		}
	}
}

// step is what the request of that number is to get.
func (s *byHandReader) step(i int) *said {
	switch {
	case s.later:
		return s.steps[0]
	case s.cycles:
		return s.steps[i%len(s.steps)]
	}
	return s.steps[min(i, len(s.steps)-1)]
}

// ask runs the printed command.
func (s *byHandReader) ask(ctx context.Context, i int) {
	want := s.step(i)
	out, err := exec.CommandContext(ctx, "timeout", "60", "sh", "-c", s.command).Output()
	var exit *exec.ExitError
	got := said{}
	if errors.As(err, &exit) {
		got.code = exit.ExitCode()
	}
	for line := range strings.Lines(string(out)) {
		// Others may come before it, and are no answer: 100 Continue, 103 Early Hints.
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[0], "HTTP/") && !strings.HasPrefix(f[1], "1") {
			got.status, _ = strconv.Atoi(f[1])
		}
		if strings.TrimSpace(line) == "" && got.status >= 200 {
			break
		}
	}
	if got.status != want.status || got.code != want.code {
		s.add("request %d of %q gets %d and curl ends with %d, not %d and %d", i+1, s.command, got.status, got.code, want.status, want.code)
	}
	if want.status != 0 || want.code != 7 { // nobody logs what was refused
		s.logged = append(s.logged, want.log...)
	}
}

// compareLogs waits until the lines are shown, and compares them one by one.
func (s *byHandReader) compareLogs() {
	var shown []gateway.LogRecord
	for deadline := time.Now().Add(soon); ; time.Sleep(10 * time.Millisecond) {
		if shown = s.shown(); len(shown) >= len(s.logged) || time.Now().After(deadline) {
			break
		}
	}
	for i := range max(len(shown), len(s.logged)) {
		switch {
		case i >= len(shown):
			s.add("the log does not show %q", s.logged[i])
		case i >= len(s.logged):
			s.add("the log shows %q, which was not said", shown[i].Raw)
		default:
			for _, d := range logLine(s.logged[i]).Differs(shown[i]) {
				s.add("the log shows %q, not %q: %s", shown[i].Raw, s.logged[i], d)
			}
		}
	}
}

var logText = regexp.MustCompile(`^\[(\w+)\] (?:(AH\d+|[a-zA-Z-]{2}--|ERR_\w+|fetch|http\.[\w.]+|[\w-]+\.c): )?(.*?)(?: \((\d+)\))?(?: while (.*))?$`)

// logLine reads a line as the lab prints that it is expected.
func logLine(text string) scenario.LogLine {
	m := logText.FindStringSubmatch(text)
	if m == nil {
		return scenario.LogLine{Text: text}
	}
	errno, _ := strconv.Atoi(m[4])
	return scenario.LogLine{Level: m[1], Code: m[2], Text: m[3], Errno: errno, Phase: m[5]}
}

// shown are the lines that the lab has shown of the student's own requests.
func (s *byHandReader) shown() (all []gateway.LogRecord) {
	var log strings.Builder
	for line := range strings.Lines(s.unread()) {
		if raw, found := strings.CutPrefix(line, "gateway's error log: "); found {
			log.WriteString(raw)
		}
	}
	for _, l := range s.driver.Lines(log.String()) {
		// Apache's line on a connection that failed names no client; nginx's without one are of its start, or of a name that it asks for.
		own := l.Client == lab.GatewayAddress || l.Client == "" && (s.driver.Name != nginx.Driver.Name || l.Phase == "resolving")
		if own && l.AtLeast("warn") {
			all = append(all, l)
		}
	}
	return all
}
