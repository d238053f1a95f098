package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

// A namedConfig is a config of the user's, with the name that he gave.
type namedConfig struct {
	name string
	*nginxconf.Config
}

// readConfigs reads configs as check does.
func readConfigs(paths []string) (all []namedConfig, err error) {
	for _, p := range paths {
		tree, err := provision.Load(provision.Options{Path: p})
		if err != nil {
			return nil, fmt.Errorf("--explain-config %s: %w", terminal.OneLine(p), err)
		}
		c, err := tree.Config()
		if err != nil {
			return nil, fmt.Errorf("--explain-config %s: %w; correct it there (nginx -t says the same)", terminal.OneLine(p), err)
		}
		all = append(all, namedConfig{p, c})
	}
	return all, nil
}

// A configLine is a directive of the user's config, or nginx's default for it, that has a part in the outcome.
type configLine struct {
	Directive string `json:"directive"`
	Value     string `json:"value"`             // in effect
	Default   string `json:"default,omitempty"` // what nginx takes where nothing is set
	File      string `json:"file,omitempty"`    // relative to the config's folder; none where nothing is set
	Line      int    `json:"line,omitempty"`
	Why       string `json:"why"`
}

func (l configLine) String() string {
	place := nginxconf.Place{File: l.File, Line: l.Line}
	switch {
	case l.File == "" && l.Value == "none":
		return fmt.Sprintf("no %s: %s", l.Directive, l.Why)
	case l.File == "":
		return fmt.Sprintf("no %s: nginx's default, %s (%s)", l.Directive, l.Value, l.Why)
	}
	return fmt.Sprintf("%s %s (%s): %s", l.Directive, l.Value, place, l.Why)
}

func configLineOf(s nginxconf.Setting) configLine {
	return configLine{s.Directive, diagnose.Mask(s.Value), s.Default, s.Place.File, s.Place.Line, s.Why}
}

// A decision is what a config has to do with a diagnosis. Note says what of it is not known, and why.
type decision struct {
	Lines []configLine `json:"config,omitempty"`
	Note  string       `json:"config_note,omitempty"`
}

// decide finds what decides in the configs: the first of them that takes the request.
func decide(ctx context.Context, configs []namedConfig, c *diagnose.Count) (best decision) {
	if len(configs) == 0 {
		return decision{}
	}
	if g := c.Line.Gateway; g != "" && g != "nginx" {
		return decision{Note: fmt.Sprintf("the line is of %s, and the config of nginx", g)}
	}
	if len(c.Cause.Directives) == 0 && !strings.Contains(c.Line.Lower(), "upstream") {
		return decision{Note: "no directive decides this: nginx has no part in it"}
	}
	status := cmp.Or(c.Line.Status, c.Cause.Status)
	for i, config := range configs {
		one := decideIn(ctx, config.Config, c, status)
		if i == 0 || one.Note == "" && best.Note != "" {
			best = one
		}
	}
	return best
}

func decideIn(ctx context.Context, config *nginxconf.Config, c *diagnose.Count, status int) (d decision) {
	l := c.Line
	method, uri, _ := strings.Cut(l.Route, " ")
	way, err := config.Way(ctx, nginxconf.Ask{Server: l.Server, Host: l.Host, Method: method, URI: uri, Upstream: upstreamOf(l)})
	switch {
	case err != nil:
		d.Note = err.Error()
	case way.Target.Pass == nil:
		d.Note = "no upstream is called for this request here: " + cmp.Or(way.Reason, "files answer at "+way.Location.Place.String())
	case !way.Called:
		d.Note = fmt.Sprintf("%s is none of its upstreams: the line was written under another config", terminal.OneLine(upstreamOf(l)))
	}
	if err == nil {
		d.Lines = append(d.Lines, wayLines(way)...)
	}
	names := slices.Clone(c.Cause.Directives)
	if status >= 300 && way.Location != nil && !slices.Contains(names, "error_page") {
		names = append(names, "error_page")
	}
	for _, name := range names {
		for _, s := range config.Setting(way, name) {
			switch {
			case !s.Set && (way.Location == nil || name == "error_page"):
			case name == "error_page" && status > 0 && !slices.Contains(nginxconf.Statuses(s), strconv.Itoa(status)):
			default:
				d.Lines = append(d.Lines, configLineOf(s))
			}
		}
	}
	return d
}

// wayLines are the blocks that take a request, and what it calls.
func wayLines(w nginxconf.Way) (all []configLine) {
	server := configLine{Directive: "server", Value: strings.Join(namesOf(w.Server), " "), File: w.Server.Place.File, Line: w.Server.Place.Line, Why: "takes this request"}
	if w.Location != w.Server && w.Location != nil {
		all = append(all, configLine{Directive: "location", Value: w.Location.Match(), File: w.Location.Place.File, Line: w.Location.Place.Line,
			Why: "takes this request, in the server at " + w.Server.Place.String()})
	} else {
		all = append(all, server)
	}
	if p := w.Target.Pass; p != nil {
		all = append(all, configLine{Directive: p.Name, Value: diagnose.Mask(strings.Join(p.Args, " ")), File: p.Place.File, Line: p.Place.Line, Why: "calls the upstream"})
	}
	return all
}

func namesOf(server *nginxconf.Directive) []string {
	for _, d := range nginxconf.Effective(server, "server_name") {
		return d.Args
	}
	return nil
}

// upstreamOf is the upstream that a line names, as the config may name it.
func upstreamOf(l *diagnose.Line) string {
	if l.Address != "" {
		return l.Address
	}
	u, err := url.Parse(l.Upstream)
	if err != nil {
		return ""
	}
	return u.Host
}

// configText writes what decides beside its label.
func configText(b *strings.Builder, d decision, width int) {
	line := labelled(b, len("shown by "), width)
	label := "decides" // "config" is a side
	for _, l := range d.Lines {
		line(label, l.String())
		label = ""
	}
	if d.Note != "" {
		line(label, "Not found: "+d.Note+".")
	}
}

// printDecision is for people, or an object on a line.
func printDecision(out io.Writer, d decision, asJSON bool, width int) error {
	if asJSON {
		return json.NewEncoder(out).Encode(struct {
			Version int `json:"version"`
			decision
		}{diagnosisVersion, d})
	}
	var b strings.Builder
	configText(&b, d, width)
	_, err := io.WriteString(out, b.String())
	return err
}

// mostOfNginx is the likeliest cause of which nginx has written a line: what it decides stands in its config.
func mostOfNginx(r *diagnose.Report) *diagnose.Count {
	for _, c := range r.Causes {
		if c.Line.Gateway == "nginx" {
			return c
		}
	}
	return r.Causes[0]
}

// An asked is a request of which there is no line, but its URL and status.
type asked struct {
	line   *diagnose.Line
	status bool // it is known
}

// askedOf takes a URL and a status out of arguments; the line is nil where there is no URL. A line of an access log says no more than the two.
func askedOf(args []string) (a asked, rest []string, err error) {
	var uri, status string
	for _, arg := range args {
		_, err := os.Stat(arg)
		switch {
		case err != nil && uri == "" && webURL.MatchString(arg):
			uri = arg
		case err != nil && status == "" && statusWord.MatchString(arg):
			status = arg
		default:
			rest = append(rest, arg)
		}
	}
	switch {
	case uri == "" && status != "":
		return a, nil, fmt.Errorf("status %s of which request? Name its URL, too: https://shop.example/api/ %s", status, status)
	case uri == "":
		return a, rest, nil
	}
	u, err := url.Parse(uri)
	if err != nil {
		return a, nil, fmt.Errorf("reading the URL: %w", err)
	}
	a.line, a.status = diagnose.ReadLine(fmt.Sprintf(`"GET %s HTTP/1.1" %s`, u.RequestURI(), cmp.Or(status, "502"))), status != ""
	a.line.Gateway, a.line.Host, a.line.File, a.line.Number = "nginx", u.Host, "asked", 1
	a.line.Route = "GET " + cmp.Or(u.EscapedPath(), "/")
	return a, rest, nil
}

var (
	webURL     = regexp.MustCompile(`^https?://[^\s"]+$`)
	statusWord = regexp.MustCompile(`^[1-5]\d\d$`)
)

// count is what is said of a request of which only the URL is known: nothing but where the config leads it.
func (a asked) count() *diagnose.Count {
	a.line.Status = 0
	return &diagnose.Count{Cause: scenarios.Book().Cause("status-only"), Line: a.line, N: 1}
}
