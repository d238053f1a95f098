package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/markdown"
	"github.com/badgateway/badgateway/harness/terminal"
)

// sarifSchema is where the form that SARIF writes is laid down.
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// SARIF writes the findings in the form of SARIF 2.1.0, which code hosts show at the line that they are about: a rule
// for each kind of finding, a result for each finding. High severity is an error, medium a warning, low a note. A
// waived finding is there too, as suppressed. What the policy does not allow is a result of the rule "not-allowed" at
// the route's pass directive, and a config that can't be loaded one of the rule "refused".
//
// Locate gives a file of the report's places as a path from the root of the repository; nil where they are such
// already. The error is the writer's.
func SARIF(w io.Writer, r *audit.Report, locate func(file string) string) error {
	if locate == nil {
		locate = func(file string) string { return file }
	}
	s := sarif{
		locate: locate, index: map[string]int{}, marks: map[string]int{}, results: []sarifResult{},
		tool: sarifDriver{Name: "badgateway", Version: orElse(terminal.OneLine(r.Version), "unknown"), InformationURI: "https://github.com/badgateway/badgateway", Rules: []sarifRule{}},
	}
	if x := r.Refused; x != nil {
		s.rule(sarifRule{
			ID: "refused", Short: sarifText{Text: "The config can't be loaded"},
			Full: sarifText{Text: "nginx refuses the config, so nothing can be measured."},
			Help: sarifHelp("", "Mend what nginx objects to, then check again."), Default: sarifLevel{"error"},
		})
		text := strings.TrimSpace(terminal.OneLine(x.Nginx) + " " + terminal.OneLine(x.Message))
		s.result("refused", "error", text+". "+terminal.OneLine(x.Remedy), x.Place, "")
	}
	open, waived := bySeverity(r)
	for _, f := range append(open, waived...) {
		s.rule(sarifRule{
			ID: terminal.OneLine(f.Rule), Short: sarifText{Text: ruleTitle(f)},
			Full: sarifText{Text: orElse(terminal.OneLine(f.Why), ruleTitle(f))},
			Help: sarifHelp(f.Source, f.Why), HelpURI: sarifLink(f.Source), Default: sarifLevel{level(f.Severity)},
		})
		text := terminal.OneLine(f.Title) + ". " + terminal.OneLine(f.Saw) + " (" + under(r, f, 4) + ")."
		if f.Read {
			text += " It is read in the config, not measured."
		}
		if f.Lacks != "" {
			text += " It lacks " + terminal.OneLine(f.Lacks) + "."
		}
		if f.Patch != "" {
			text += "\n\n" + toMend(f) + ":\n" + strings.Join(lines(f.Patch), "\n")
		}
		if f.Unproven != "" {
			text += "\n\n" + unprovenTitle(f) + ": " + terminal.OneLine(f.Unproven) + "."
		}
		at := s.result(f.Rule, level(f.Severity), text, f.Place, strings.Join(f.Routes, " "))
		if f.Waived != "" {
			at.Suppressions = []sarifSuppression{{"external", "accepted", terminal.OneLine(f.Waived)}}
		}
	}
	routes := newGrid(r).routes
	for _, b := range mergedBreaches(r) {
		s.rule(sarifRule{
			ID: "not-allowed", Short: sarifText{Text: "The policy does not allow it"},
			Full: sarifText{Text: "What visitors get is not what the policy promises them."},
			Help: sarifHelp("", "Mend the config, or change the policy if it asks for too much."), Default: sarifLevel{"error"},
		})
		text := terminal.OneLine(b.route + ": " + b.text + " (" + strings.Join(b.where, ", ") + ")")
		s.result("not-allowed", "error", text, routes[b.route].Place, b.route+" "+b.text)
	}
	return terminal.JSON(w, map[string]any{
		"$schema": sarifSchema, "version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":       map[string]any{"driver": s.tool},
			"columnKind": "utf16CodeUnits",
			"invocations": []any{map[string]any{
				"commandLine": terminal.OneLine(r.Command), "executionSuccessful": r.Refused == nil,
				"startTimeUtc": r.Started.UTC().Format("2006-01-02T15:04:05Z"),
			}},
			"results": s.results,
		}},
	}, "  ")
}

// A sarif is the one run of a SARIF log, being written.
type sarif struct {
	locate  func(string) string
	tool    sarifDriver
	index   map[string]int
	results []sarifResult
	marks   map[string]int // how many results have that mark
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string     `json:"id"`
	Short   sarifText  `json:"shortDescription"`
	Full    sarifText  `json:"fullDescription"`
	Help    sarifText  `json:"help"`
	HelpURI string     `json:"helpUri,omitempty"`
	Default sarifLevel `json:"defaultConfiguration"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine int `json:"startLine"`
		} `json:"region"`
	} `json:"physicalLocation"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

// rule adds a rule, if it is not there yet.
func (s *sarif) rule(r sarifRule) {
	if _, known := s.index[r.ID]; !known {
		s.index[r.ID] = len(s.tool.Rules)
		s.tool.Rules = append(s.tool.Rules, r)
	}
}

// result adds a result. What marks it apart from others of its rule and file is its own mark and not its line, so that
// a host knows it again when lines are put in above it.
func (s *sarif) result(rule, level, text string, at nginxconf.Place, mark string) *sarifResult {
	rule = terminal.OneLine(rule)
	r := sarifResult{RuleID: rule, RuleIndex: s.index[rule], Level: level, Message: sarifText{Text: unlinked(text)}}
	var l sarifLocation
	l.Physical.Artifact.URI = s.uri(at.File)
	l.Physical.Region.StartLine = max(at.Line, 1)
	r.Locations = []sarifLocation{l}
	mark = rule + "\n" + l.Physical.Artifact.URI + "\n" + mark
	s.marks[mark]++
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s\n%d", mark, s.marks[mark])))
	r.Fingerprints = map[string]string{"badgateway/v1": hex.EncodeToString(sum[:16])}
	s.results = append(s.results, r)
	return &s.results[len(s.results)-1]
}

// messageLink is what viewers make a link of in a message (SARIF 2.1.0, 3.11.6). Its messages are not ours alone, so they have none.
var messageLink = regexp.MustCompile(`\[([^\[\]]*\]\(\s*(?:\d+|[a-zA-Z][a-zA-Z0-9+.-]*:))`)

// unlinked is a message of which no part is taken for a link.
func unlinked(text string) string { return messageLink.ReplaceAllString(text, `\[$1`) }

// uri is a file as a relative reference (RFC 3986) from the root of the repository. A file outside of it, which only an
// absolute include names, is taken as if the root were the machine's.
func (s *sarif) uri(file string) string {
	file = strings.TrimLeft(path.Clean("/"+s.locate(terminal.OneLine(file))), "/")
	return (&url.URL{Path: file}).String()
}

// ruleTitle is what a finding's rule is about in general; of one that does not say, the finding's own title.
func ruleTitle(f audit.Finding) string {
	return orElse(terminal.OneLine(f.RuleTitle), terminal.OneLine(f.Title))
}

// sarifHelp is a rule's help, which hosts show beside it.
func sarifHelp(source, why string) sarifText {
	text := orElse(terminal.OneLine(why), "See the report.")
	if link := sarifLink(source); link != "" {
		return sarifText{Text: text + " " + link, Markdown: markdown.Text(text) + "\n\n[Source](" + link + ")"}
	}
	return sarifText{Text: text}
}

// sarifLink is a source that is an address; empty for any other.
func sarifLink(source string) string {
	if u, err := url.Parse(source); err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return source
}

// level is a severity in SARIF's words.
func level(severity string) string {
	switch severity {
	case high:
		return "error"
	case medium:
		return "warning"
	}
	return "note"
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
