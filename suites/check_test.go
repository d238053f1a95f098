package suites

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/lab"
)

// checked holds a folder for each config that is checked: the config as a deployment leaves it on disk under config, and
// beside it, in expect.yaml, what has to come out.
const checked = "testdata/check"

// checkExpectation is an expect.yaml. What it leaves out is not looked at, but routes are always all that there are.
type checkExpectation struct {
	About string            `yaml:"about"`
	Path  string            `yaml:"path"` // relative to the case's folder
	Env   map[string]string `yaml:"env"`
	Nginx string            `yaml:"nginx"`

	Routes      []expectedRoute  `yaml:"routes"`
	Findings    []string         `yaml:"findings"`     // rules that must have found something
	NotFindings []string         `yaml:"not_findings"` // and those that must not
	Refused     *expectedRefusal `yaml:"refused"`
}

type expectedRoute struct {
	Listen    string         `yaml:"listen"` // the end of one of its addresses (":5432"), for routes that have no name
	Server    string         `yaml:"server"`
	Location  string         `yaml:"location"`
	Protocol  string         `yaml:"protocol"`
	Role      string         `yaml:"role"`      // empty for any
	Open      bool           `yaml:"open"`      // any endpoints then
	Endpoints []string       `yaml:"endpoints"` // in any order
	Reached   bool           `yaml:"reached"`
	Why       string         `yaml:"why"` // part of the reason why it is not
	Cells     []expectedCell `yaml:"cells"`
}

type expectedCell struct {
	Fault      string         `yaml:"fault"`
	Method     string         `yaml:"method"`
	Status     *int           `yaml:"status"`
	Wait       *time.Duration `yaml:"wait"` // to a second for each try
	Tries      *int           `yaml:"tries"`
	Repeated   *int           `yaml:"repeated"`
	Page       *string        `yaml:"page"`
	Cut        *bool          `yaml:"cut"`
	Whole      *bool          `yaml:"whole"`
	Bad        *int           `yaml:"bad"`
	Skipped    bool           `yaml:"skipped"`
	NotStarted bool           `yaml:"not_started"`
}

type expectedRefusal struct {
	Kind  string `yaml:"kind"`
	File  string `yaml:"file"`
	Line  int    `yaml:"line"`
	Nginx string `yaml:"nginx"` // part of nginx's own words
}

var _ = Describe("configs as deployments have them", Label("check"), func() {
	cases, err := os.ReadDir(checked)
	if err != nil {
		panic(err)
	}
	for _, c := range cases {
		want, err := readExpectation(filepath.Join(checked, c.Name(), "expect.yaml"))
		title := c.Name()
		if err == nil {
			title += ": " + want.About
		}
		It(title, func(ctx SpecContext) {
			Expect(err).NotTo(HaveOccurred())
			folder := filepath.Join(checked, c.Name())
			before := sumOf(filepath.Join(folder, "config"))

			report, err := measure.Run(ctx, measure.Options{
				NoMends: true, // they have specs of their own
				Path:    filepath.Join(folder, want.Path), Env: want.Env, Nginx: want.Nginx,
				Lab: untrustedLab(ctx, want.Nginx),
			})

			Expect(err).NotTo(HaveOccurred(), "case %s", c.Name())
			var wrong differences
			want.compare(report, &wrong)
			if sumOf(filepath.Join(folder, "config")) != before {
				wrong.add("the check changed the files of %s/config", folder)
			}
			if len(wrong) > 0 {
				Fail(fmt.Sprintf("case %s: not as %s/expect.yaml says:\n  %s", c.Name(), folder, strings.Join(wrong, "\n  ")))
			}
		})
	}
})

var untrustedLabs = map[string]*lab.Lab{}

// untrustedLab is this process's lab for untrusted configs, one for each version of nginx.
func untrustedLab(ctx context.Context, version string) *lab.Lab {
	GinkgoHelper()
	if l := untrustedLabs[version]; l != nil {
		return l
	}
	l, err := lab.Start(ctx, lab.Options{Untrusted: true, Nginx: version, Logger: toGinkgo})
	Expect(err).NotTo(HaveOccurred())
	untrustedLabs[version] = l
	return l
}

// closeUntrustedLabs is for the end of the suite.
func closeUntrustedLabs() {
	for _, l := range untrustedLabs {
		Expect(l.Close()).To(Succeed())
	}
}

// readExpectation reads an expect.yaml and holds its words against those that exist: one that is misspelt could not fail.
func readExpectation(file string) (*checkExpectation, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	e := &checkExpectation{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(e); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if e.Path == "" || e.About == "" {
		return nil, fmt.Errorf("%s: about and path are missing", file)
	}
	if e.Refused != nil && (e.Refused.Kind == "" || len(e.Routes)+len(e.Findings)+len(e.NotFindings) > 0) {
		return nil, fmt.Errorf("%s: refused needs a kind, and goes with no routes and no findings", file)
	}
	var rules, faults []string
	for _, r := range review.Rules() {
		rules = append(rules, r.ID)
	}
	for _, f := range review.Faults() {
		faults = append(faults, f.ID)
	}
	for _, id := range slices.Concat(e.Findings, e.NotFindings) {
		if !slices.Contains(rules, id) {
			return nil, fmt.Errorf("%s: there is no rule %q: the rules are %q", file, id, rules)
		}
	}
	for _, r := range e.Routes {
		for _, c := range r.Cells {
			if !slices.Contains(faults, c.Fault) {
				return nil, fmt.Errorf("%s: route %s: there is no fault %q: the faults are %q", file, r, c.Fault, faults)
			}
			if c.claims() == 0 {
				return nil, fmt.Errorf("%s: route %s: the cell %s %s claims nothing", file, r, c.Fault, c.Method)
			}
		}
	}
	return e, nil
}

func (r expectedRoute) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s%s %s (%s, %s)", r.Server, r.Listen, r.Location, r.Protocol, r.Role))
}

// claims is how much a sandbox says.
func (c expectedCell) claims() (n int) {
	for _, said := range []bool{c.Status != nil, c.Wait != nil, c.Tries != nil, c.Repeated != nil, c.Page != nil, c.Cut != nil,
		c.Whole != nil, c.Bad != nil, c.Skipped, c.NotStarted} {
		if said {
			n++
		}
	}
	return n
}

// differences are what a report has otherwise than expected, a line each.
type differences []string

func (d *differences) add(format string, a ...any) { *d = append(*d, fmt.Sprintf(format, a...)) }

func (e *checkExpectation) compare(got *audit.Report, wrong *differences) {
	if e.Refused != nil {
		e.Refused.compare(got, wrong)
		return
	}
	if r := got.Refused; r != nil {
		wrong.add("refused as %s at %s:%d: %s (%s)", r.Kind, r.Place.File, r.Place.Line, r.Message, r.Nginx)
		return
	}
	e.compareRoutes(got, wrong)
	found := map[string]audit.Finding{}
	for _, f := range got.Findings {
		if _, more := found[f.Rule]; !more {
			found[f.Rule] = f
		}
	}
	for _, rule := range e.Findings {
		if _, ok := found[rule]; !ok {
			wrong.add("no finding %s", rule)
		}
	}
	for _, rule := range e.NotFindings {
		if f, ok := found[rule]; ok {
			wrong.add("a finding %s at %s:%d on %q: %s; %s", rule, f.Place.File, f.Place.Line, f.Routes, f.Title, f.Saw)
		}
	}
}

func (e *expectedRefusal) compare(got *audit.Report, wrong *differences) {
	r := got.Refused
	if r == nil {
		wrong.add("not refused as %s at %s:%d: it was loaded, with %d routes", e.Kind, e.File, e.Line, len(got.Routes))
		return
	}
	if got.Verdict != audit.Refused {
		wrong.add("the verdict of a config that was refused is %q", got.Verdict)
	}
	if r.Kind != e.Kind || r.Place.File != e.File && e.File != "" || r.Place.Line != e.Line {
		wrong.add("refused as %s at %s:%d, not as %s at %s:%d: %s", r.Kind, r.Place.File, r.Place.Line, e.Kind, e.File, e.Line, r.Message)
	}
	if !strings.Contains(r.Nginx, e.Nginx) {
		wrong.add("nginx's own words are %q, without %q", r.Nginx, e.Nginx)
	}
	if r.Message == "" || r.Remedy == "" {
		wrong.add("the refusal has no message (%q) or no remedy (%q)", r.Message, r.Remedy)
	}
}

// compareRoutes finds for each expected route the one that the report has; none may be left over on either side.
func (e *checkExpectation) compareRoutes(got *audit.Report, wrong *differences) {
	left := slices.Clone(got.Routes)
	for _, want := range e.Routes {
		at := slices.IndexFunc(left, want.is)
		if at < 0 {
			wrong.add("no route %s", want)
			continue
		}
		want.compare(left[at], wrong)
		left = slices.Delete(left, at, at+1)
	}
	for _, r := range left {
		wrong.add("a route that is not expected: %q: %s %s (%s, %s) on %s to %q", r.ID, r.Server, r.Location, r.Protocol, r.Role,
			r.Listen, endpointNames(r))
	}
	failed, first := 0, ""
	for _, r := range got.Routes {
		for _, c := range r.Measurements {
			if c.Error != "" {
				failed++
				first = cmp.Or(first, c.Error)
			}
		}
	}
	if failed > 0 {
		wrong.add("the lab failed in %d cells, first: %s", failed, first)
	}
}

func (r expectedRoute) is(got audit.Route) bool {
	return got.Server == r.Server && got.Location == r.Location && got.Protocol == r.Protocol &&
		(r.Role == "" || string(got.Role) == r.Role) && (r.Listen == "" || r.listensAt(got.Listen))
}

// listensAt reports whether one of the addresses ends as the expected one does.
func (r expectedRoute) listensAt(listen string) bool {
	words := strings.FieldsFunc(listen, func(c rune) bool { return c == ' ' || c == ',' })
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasSuffix(w, r.Listen) })
}

func endpointNames(r audit.Route) (names []string) {
	for _, p := range r.Endpoints {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

func (r expectedRoute) compare(got audit.Route, wrong *differences) {
	names := endpointNames(got)
	want := slices.Sorted(slices.Values(r.Endpoints))
	switch {
	case got.Dynamic != r.Open:
		wrong.add("route %s: open is %t", r, got.Dynamic)
	case r.Open && len(names) == 0:
		wrong.add("route %s: it is open, and nothing was called", r)
	case !r.Open && !slices.Equal(names, want):
		wrong.add("route %s: endpoints %q, not %q", r, names, want)
	}
	if got.Reached != r.Reached {
		wrong.add("route %s: reached is %t: %s", r, got.Reached, got.Why)
		return
	}
	if !r.Reached && (got.Why == "" || !strings.Contains(got.Why, r.Why)) {
		wrong.add("route %s: not reached because %q, without %q", r, got.Why, r.Why)
	}
	if r.Reached && r.Role == "content" && got.Healthy.Status >= 500 {
		wrong.add("route %s: answered %d while all is well: %v", r, got.Healthy.Status, got.Healthy.Log)
	}
	for _, c := range r.Cells {
		at := slices.IndexFunc(got.Measurements, func(g audit.Measurement) bool { return g.Fault == c.Fault && g.Method == c.Method })
		if at < 0 {
			wrong.add("route %s: no cell %s %s", r, c.Fault, c.Method)
			continue
		}
		var cell differences
		c.compare(got.Measurements[at], &cell)
		for _, d := range cell {
			wrong.add("route %s: %s %s: %s", r, c.Fault, c.Method, d)
		}
	}
}

func (c expectedCell) compare(got audit.Measurement, wrong *differences) {
	if got.Error != "" {
		return // counted for the whole report
	}
	if (got.Skipped != "") != c.Skipped {
		wrong.add("skipped: %q", got.Skipped)
		return
	}
	if (got.NotStarted != "") != c.NotStarted {
		wrong.add("not started: %q", got.NotStarted)
		return
	}
	differ(wrong, "status", got.Status, c.Status)
	differ(wrong, "tries", len(got.Tries), c.Tries)
	differ(wrong, "repeated", got.Repeated, c.Repeated)
	differ(wrong, "page", got.Page, c.Page)
	differ(wrong, "cut", got.Cut, c.Cut)
	differ(wrong, "whole", got.SilentTruncation, c.Whole)
	differ(wrong, "bad answers", got.Bad, c.Bad)
	if c.Wait == nil {
		return
	}
	near := time.Duration(max(1, len(got.Tries))) * time.Second
	if got.TimedOut || (got.Waited-*c.Wait).Abs() > near {
		wrong.add("waited %s (endless: %t), not %s", got.Waited, got.TimedOut, *c.Wait)
	}
	if got.NotBefore > *c.Wait+near {
		wrong.add("still waited after %s, not until %s", got.NotBefore, *c.Wait)
	}
}

// differ notes a value that is not the expected one, where one is expected.
func differ[T comparable](wrong *differences, what string, got T, want *T) {
	if want != nil && got != *want {
		wrong.add("%s is %v, not %v", what, got, *want)
	}
}

// sumOf is a checksum of all names, modes, links and bytes below a folder.
func sumOf(folder string) string {
	GinkgoHelper()
	sum := sha256.New()
	Expect(filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %s\n", name, info.Mode())
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(name)
			fmt.Fprintln(sum, to)
			return err
		case info.Mode().IsRegular():
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			_, err = io.Copy(sum, f)
			return errors.Join(err, f.Close())
		}
		return nil
	})).To(Succeed())
	return hex.EncodeToString(sum.Sum(nil))
}
