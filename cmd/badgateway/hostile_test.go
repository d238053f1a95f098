//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/audit/report"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

// anyNginx takes every config, so that all that comes after it is tried too.
type anyNginx struct{}

func (anyNginx) Put(context.Context, ...lab.File) error { return nil }
func (anyNginx) Exec(_ context.Context, argv ...string) (lab.Executed, error) {
	if argv[len(argv)-1] == "-V" {
		return lab.Executed{Output: "nginx version: nginx/1.22.1\nconfigure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf --error-log-path=/var/log/nginx/error.log\n"}, nil
	}
	return lab.Executed{}, nil
}
func (anyNginx) There(context.Context, ...string) ([]string, error)          { return nil, nil }
func (anyNginx) Names(context.Context, string) ([]string, error)             { return nil, nil }
func (anyNginx) ReadTree(context.Context, string) (map[string]string, error) { return nil, nil }

// unmeasured is a check without its measurements: every route gets the same bad answers.
func unmeasured(say func(string)) func(context.Context, measure.Options) (*audit.Report, error) {
	return func(ctx context.Context, o measure.Options) (*audit.Report, error) {
		r := &audit.Report{Schema: audit.Schema, Config: o.Path, Supplied: []audit.Supply{}, Routes: []audit.Route{}, Findings: []audit.Finding{}, Clock: "moved"}
		for _, f := range o.FaultList {
			r.Faults = append(r.Faults, f.FaultInfo)
		}
		refused := func(err error) (*audit.Report, error) {
			var refused *provision.Refused
			if !errors.As(err, &refused) {
				return nil, err
			}
			r.Refused, r.Verdict = &refused.Refusal, audit.Refused
			return r, nil
		}
		tree, err := provision.Load(provision.Options{Path: o.Path, Env: o.Env})
		say("load")
		if err != nil {
			return refused(err)
		}
		err = tree.Settle(ctx, anyNginx{})
		say("settle")
		r.Supplied, r.Notes = tree.Supplied, tree.Notes
		if err != nil {
			return refused(err)
		}
		config, err := tree.Config()
		say("config")
		if err != nil {
			return refused(err)
		}
		all := config.Routes(ctx)
		say(fmt.Sprintf("%d ways", len(all)))
		if err := measure.CheckRouteCount(all); err != nil {
			return refused(err)
		}
		ways := map[string]nginxconf.Route{}
		for _, w := range all {
			ways[w.ID] = w
			one := audit.Route{ID: w.ID, Location: w.Match, Role: w.Role, Protocol: w.Target.Protocol, Pass: w.Target.Written, Upstream: w.Target.Upstream,
				Reached: len(w.Candidates) > 0, Why: w.UnreachableReason, Measurements: []audit.Measurement{}}
			if w.Target.Pass != nil {
				one.Place = w.Target.Pass.Place
			}
			for i, p := range w.Target.Peers {
				if i == 4096 {
					break
				}
				one.Endpoints = append(one.Endpoints, audit.Endpoint{Name: fmt.Sprintf("%s:%d", p.Host, p.Port), Place: p.Place})
			}
			bad := audit.Outcome{Status: 504, Waited: time.Minute, Page: "nginx", Repeated: 1, Tries: []string{"a", "b"},
				Log: []gateway.LogRecord{{Raw: "2026/01/01 00:00:00 [error] upstream timed out", Message: "upstream timed out"}}}
			one.Healthy = audit.Outcome{Status: 200, Page: "upstream"}
			if len(r.Routes) < 400 { // as of very many routes that are alike
				for _, f := range o.FaultList {
					one.Measurements = append(one.Measurements, audit.Measurement{Fault: f.ID, Method: "POST", Outcome: bad})
				}
			} else {
				one.SameAs = r.Routes[0].ID
			}
			r.Routes = append(r.Routes, one)
		}
		for _, rule := range o.Rules {
			r.Findings = append(r.Findings, audit.Judge(&audit.Evidence{Report: r, Config: config, ConfigRoutes: ways}, []audit.Rule{rule})...)
			say("rule " + rule.ID)
		}
		audit.DefaultPolicy().Apply(r, time.Now())
		say("policy")
		return r, nil
	}
}

// shown are the ways in which all of a check is shown.
var shown = map[string][]string{"reports": {"--reports", "../report"}, "markdown": {"--format", "markdown"}}

// hostileOne checks one config but for the measuring, and shows it in one way. It says what took long.
func hostileOne(dir, way string, say func(format string, a ...any)) (said string) {
	began := time.Now()
	stage := func(what string) {
		if d := time.Since(began); d > time.Second {
			say("%s %.1fs", what, d.Seconds())
		}
		began = time.Now()
	}
	words := []string{dir}
	for _, w := range shown[way] {
		if strings.HasPrefix(w, "../") {
			w = filepath.Join(dir, w)
		}
		words = append(words, w)
	}
	var out bytes.Buffer
	c := newCheckCommand(unmeasured(stage))
	c.SetArgs(words)
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceErrors, c.SilenceUsage = true, true
	if err := c.Execute(); err != nil {
		fmt.Fprintln(&out, err)
	}
	stage("showing it")
	return out.String()
}

// A report of as many measurements as there may be is written in each form within the bounds.
func TestReport_LargeOneIsBounded(t *testing.T) {
	if dir := os.Getenv("BADGATEWAY_HOSTILE_DIR"); dir != "" {
		leanMemory()
		r := largeReport(t)
		if os.Getenv("BADGATEWAY_HOSTILE_WAY") == "reports" {
			if err := prepareReports(dir); err != nil {
				t.Fatal(err)
			}
			if err := writeCheckReports(dir, r); err != nil {
				t.Fatal(err)
			}
			return
		}
		for _, write := range []func(io.Writer, *audit.Report) error{report.Markdown, func(w io.Writer, r *audit.Report) error { return report.Table(w, r, report.View{}) }} {
			if err := write(io.Discard, r); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if os.Getenv("BADGATEWAY_HOSTILE") == "" {
		t.Skip("takes a minute: BADGATEWAY_HOSTILE=1")
	}
	for way := range shown {
		dir := t.TempDir()
		out, used, err := again(t, "BADGATEWAY_HOSTILE_DIR="+dir, "BADGATEWAY_HOSTILE_WAY="+way)
		t.Logf("%s: %v", way, used)
		if err != nil || used.tooMuch() {
			t.Errorf("%s: %v\n%.3000s", way, err, out)
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := f.Info(); err == nil {
				t.Logf("%s: %d KiB", f.Name(), info.Size()>>10)
			}
		}
	}
}

// largeReport has at least measure.MaxCells bad answers, with as much evidence as is kept of all of them, and a finding for each two.
func largeReport(t *testing.T) *audit.Report {
	r := &audit.Report{Schema: audit.Schema, Config: "nginx.conf", Main: "nginx.conf", Gateway: "nginx/1.22.1", Clock: "moved", Supplied: []audit.Supply{}, Findings: []audit.Finding{}}
	for i := range 20 {
		r.Faults = append(r.Faults, audit.FaultInfo{ID: fmt.Sprintf("fault-%d", i), Title: "fault", Claim: "the upstream fails"})
	}
	var kept measure.Allowance
	for cells := 0; cells < measure.MaxMeasurements; {
		i := len(r.Routes)
		name := fmt.Sprintf("s%d.example.com/%d/", i, i)
		one := audit.Route{ID: name, Server: fmt.Sprintf("s%d.example.com", i), Location: fmt.Sprintf("/%d/", i), Role: nginxconf.Content, Protocol: "http",
			Pass: fmt.Sprintf("http://u%d:80", i), Place: nginxconf.Place{File: "nginx.conf", Line: i + 1}, Endpoints: []audit.Endpoint{{Name: fmt.Sprintf("u%d:80", i), Called: true}},
			Reached: true, Ask: audit.ClientRequest{Method: "GET", URL: "http://" + name, To: "127.0.0.1:80"}, Healthy: audit.Outcome{Status: 200, Page: "upstream"}}
		for j, f := range r.Faults {
			for _, method := range []string{"GET", "POST"} {
				o := audit.Outcome{Status: []int{500, 502, 503, 504}[cells%4], Waited: time.Duration(cells) * time.Millisecond, Page: "nginx", Tries: []string{fmt.Sprintf("u%d:80", i)},
					Body: strings.Repeat("<b>", 1365), Calls: []audit.Call{{Endpoint: fmt.Sprintf("u%d:80", i), Protocol: "http/1.0", Method: method, URI: fmt.Sprintf("/%d/", j)}}}
				for k := range 8 {
					raw := fmt.Sprintf("2026/01/01 00:00:00 [error] 7#7: *%d %d-%d %s", cells, i, k, strings.Repeat("x<", 950))
					o.Log = append(o.Log, gateway.LogRecord{Raw: raw, Message: raw[40:]})
				}
				kept.Take(&o)
				one.Measurements = append(one.Measurements, audit.Measurement{Fault: f.ID, Method: method, Outcome: o, Breaches: []string{"visitors get an error", "visitors wait too long"}})
				cells++
			}
			r.Findings = append(r.Findings, audit.Finding{Rule: fmt.Sprintf("rule-%d", j), Severity: "high", Title: "visitors get an error", Place: one.Place, Lacks: "proxy_next_upstream",
				Routes: []string{name}, Faults: []string{f.ID}, Saw: "502", Patch: "proxy_next_upstream error;", In: "location", Why: "It is so."})
		}
		r.Routes = append(r.Routes, one)
	}
	audit.DefaultPolicy().Apply(r, time.Now())
	if r.Verdict != audit.Findings {
		t.Fatalf("verdict %s", r.Verdict)
	}
	return r
}

// Each hostile config, of a small size, comes to a verdict or a refusal that says where, and what to do.
func TestHostileConfigs_End(t *testing.T) {
	for _, c := range hostileConfigs(3000) {
		t.Run(c.Name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "config")
			if err := c.Write(dir); err != nil {
				t.Fatal(err)
			}
			for way := range shown {
				said := hostileOne(dir, way, t.Logf)
				if !strings.Contains(said, "findings: ") && !strings.Contains(said, "can't be loaded: ") && !strings.Contains(said, "no finding") {
					t.Errorf("%s: said %.500s", way, said)
				}
			}
		})
	}
}

// The same of 10 MB each, in processes of their own: make hostile. A process's greatest memory counts from that of who started it,
// so this one stays small: others write the configs, one each, and check them, one way each.
func TestHostileConfigs_AreBounded(t *testing.T) {
	if dir := os.Getenv("BADGATEWAY_HOSTILE_DIR"); dir != "" {
		if way := os.Getenv("BADGATEWAY_HOSTILE_WAY"); way != "" {
			leanMemory()
			said := hostileOne(dir, way, t.Logf)
			t.Logf("said %d bytes: %.300s", len(said), said)
			return
		}
		for _, c := range hostileConfigs(1) {
			if c.Name == os.Getenv("BADGATEWAY_HOSTILE_NAME") {
				if err := c.Write(dir); err != nil {
					t.Fatal(err)
				}
			}
		}
		return
	}
	if os.Getenv("BADGATEWAY_HOSTILE") == "" {
		t.Skip("takes minutes: BADGATEWAY_HOSTILE=1")
	}
	for _, c := range hostileConfigs(3000) {
		t.Run(c.Name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "config")
			if out, _, err := again(t, "BADGATEWAY_HOSTILE_DIR="+dir, "BADGATEWAY_HOSTILE_NAME="+c.Name); err != nil {
				t.Fatalf("writing it: %v\n%s", err, out)
			}
			for way := range shown {
				out, used, err := again(t, "BADGATEWAY_HOSTILE_DIR="+dir, "BADGATEWAY_HOSTILE_WAY="+way)
				t.Logf("%s: %v", way, used)
				if err != nil || used.tooMuch() {
					t.Errorf("%s: %v\n%.3000s", way, err, out)
				}
			}
		})
	}
}

// A usage is what a process used. The processor's time counts: another's work on the machine is not the config's.
type usage struct {
	processor, wall time.Duration
	memory          int64 // MiB
}

func (u usage) tooMuch() bool { return u.processor > time.Minute || u.memory > 500 }

func (u usage) String() string {
	return fmt.Sprintf("%.1f s of processor, %.1f s, %d MiB", u.processor.Seconds(), u.wall.Seconds(), u.memory)
}

// again runs the test that calls it in a process of its own.
func again(t *testing.T, env ...string) (string, usage, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	test, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.v", "-test.run", "^"+test+"$")
	cmd.Env = append(os.Environ(), env...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return "", usage{}, err
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return string(out), usage{time.Duration(u.Utime.Nano() + u.Stime.Nano()), time.Since(began), u.Maxrss >> 10}, err
}
