package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/live"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

// diagnosisVersion is the version of what diagnose --json prints. Fields are only ever added within one.
const diagnosisVersion = 1

func diagnoseCommand() *cobra.Command {
	var asJSON, whole, server, following bool
	var since, until string
	var configs []string
	top := 3
	c := &cobra.Command{
		Use:   "diagnose [--live|--follow] [FILE...|-|'LINE'|URL STATUS]",
		Short: "Name the cause from a log line, a page, an answer, or several logs together; no engine needed",
		Long: `diagnose reads logs of gateways, app servers, databases, the kernel, systemd and containers, saved error pages, the output of
curl -v and HAR files, plain or packed by gzip or zstd, and says who is guilty of what, what the text proves, what confirms it
on the live server, and what helps. What a text is of is found by its content. Several files are joined by time and request.

With --live it reads what the server that it runs on says of itself, and changes nothing: nginx's config (nginx -T, or its files) and logs,
ss, the rights of unix sockets, getent for the names of upstreams, systemctl, the journal, dmesg, df, memory; of the last hour, or
since --since. Files that are named are read too. What may not be read is said, and fails nothing. No upstream is called.

With --follow it waits for lines, as tail -F does, through rotation and copytruncate, until it is interrupted; a cause is told when it
is first seen, and its count again when that has doubled, every 10 s at the most; the usual summary comes at the end. It begins with
what is new, or with what is there since --since. - follows standard input.

With --json each diagnosis is an object on a line: version, cause (a slug that never changes), side, confidence (high, medium, low),
says, status (what the visitor commonly gets of this gateway; 0 where it differs or was not measured), count, first, last (of the year 0000 where the log
has no year), evidence ({file, line, text, time}), proves, confirm,
remedy, confused_with, others (slugs with confidence), scenarios (for badgateway run), proven (whether one of them is of this gateway),
source, routes, peers, root_of and effect_of (slugs). With --live the last object has looked_at and not_read in their place. With --follow
an object comes whenever a cause is told, and those of the summary at the end.

With --explain-config it shows the location and the pass directive that take the request of the line, and the directives that decide
what came, with file and line, or nginx's defaults for them; in place of a line, a URL and a status do (a URL alone says where it leads). In the
JSON they are config ({directive, value, default, file, line, why}), and config_note says what was not found.

Nothing leaves this machine, and what looks like a secret is masked. Exit codes: 0 diagnosed, 1 nothing recognised, 2 bad input.`,
		Example: `  badgateway diagnose /var/log/nginx/error.log
  badgateway diagnose 'connect() failed (111: Connection refused) while connecting to upstream'
  journalctl -o short-iso --since -1h | badgateway diagnose - /var/log/nginx/error.log
  docker compose logs --no-color | badgateway diagnose -v
  badgateway diagnose --json error.log.2.gz | jq -r .cause
  badgateway diagnose --explain-config /etc/nginx/nginx.conf https://shop.example/api/ 504
  badgateway diagnose --live                          on the server itself, best as root
  badgateway diagnose --live --since 10m /srv/shop/log/production.log
  badgateway diagnose --follow /var/log/nginx/error.log /var/log/php8.2-fpm.log
  kubectl logs -f deploy/shop | badgateway diagnose --follow -`,
		RunE: func(c *cobra.Command, args []string) error {
			var f diagnose.Filter
			var err error
			if f.Since, err = moment(since); err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			if f.Until, err = moment(until); err != nil {
				return fmt.Errorf("--until: %w", err)
			}
			if top < 1 {
				return errors.New("--top takes a number from 1 on")
			}
			own, err := readConfigs(configs)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			_, width := screen(out)
			d := diagnosing{out: out, asJSON: asJSON, whole: whole, top: top, width: min(width, 120), configs: own}
			switch {
			case server && following:
				return errors.New("--live looks once, and --follow waits: give one of them")
			case server:
				m, err := live.This()
				if err != nil {
					return fmt.Errorf("--live: %w", err)
				}
				return d.server(c.Context(), m, f, args, c.InOrStdin())
			case following:
				return d.following(c.Context(), f, args, c.InOrStdin(), c.ErrOrStderr())
			}
			return d.given(c.Context(), f, args, c.InOrStdin())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a diagnosis, on a line each")
	c.Flags().BoolVarP(&whole, "verbose", "v", false, "all that is known: what it proves, what it is confused with, the lines, the sources")
	c.Flags().StringArrayVar(&configs, "explain-config", nil, "show where this nginx config decides it: a `FILE|DIR`, read as check does; may be given again")
	c.Flags().BoolVar(&server, "live", false, "look at this server: its nginx, who listens, names, services, disks, memory, logs; nothing is changed")
	c.Flags().BoolVar(&following, "follow", false, "wait for more lines, as tail -F does, and tell of each cause as it comes")
	c.Flags().StringVar(&since, "since", "", "leave out what is older: 2026-01-02T15:04:05, or 2h for two hours ago; times without a zone count as UTC")
	c.Flags().StringVar(&until, "until", "", "leave out what is newer")
	c.Flags().IntVar(&top, "top", top, "show this many causes")
	return c
}

// A diagnosing is how a diagnosis is told.
type diagnosing struct {
	out           io.Writer
	asJSON, whole bool
	top, width    int
	configs       []namedConfig // in which it is to be shown where it is decided
}

// given diagnoses what the arguments name.
func (d diagnosing) given(ctx context.Context, f diagnose.Filter, args []string, in io.Reader) (err error) {
	r := scenarios.Book().NewReport(f)
	var request asked
	if len(d.configs) > 0 {
		if request, args, err = askedOf(args); err != nil {
			return err
		}
	}
	switch {
	case request.line == nil || len(args) > 0:
		err = readAll(args, in, func(l *diagnose.Line) { r.Add(l) })
	case !request.status:
		return printDecision(d.out, decide(ctx, d.configs, request.count()), d.asJSON, d.width)
	}
	if err != nil {
		return err
	}
	if request.line != nil && request.status {
		r.Add(request.line)
	}
	r.Finish()
	return d.print(ctx, r)
}

// print tells of a report that is finished.
func (d diagnosing) print(ctx context.Context, r *diagnose.Report) error {
	switch {
	case len(r.Causes) == 0 && d.asJSON:
		return errDiffers
	case len(r.Causes) == 0:
		fmt.Fprintln(d.out, notKnown(r))
		return errDiffers
	case d.asJSON:
		return printDiagnoses(d.out, r, d.top, func(one *diagnose.Count) decision { return decide(ctx, d.configs, one) })
	}
	fmt.Fprint(d.out, diagnosisText(r, d.width, d.top, d.whole))
	if len(d.configs) > 0 {
		return printDecision(d.out, decide(ctx, d.configs, mostOfNginx(r)), false, d.width)
	}
	return nil
}

// moment reads a time, or how long ago.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(strings.TrimPrefix(s, "-")); err == nil {
		return time.Now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is neither a time (2026-01-02T15:04:05) nor a duration (2h)", terminal.OneLine(s))
}

// readAll reads what the arguments name: files, - for the standard input, or the text itself.
func readAll(args []string, in io.Reader, take func(*diagnose.Line)) error {
	each := func(l *diagnose.Line) bool { take(l); return true }
	if len(args) == 0 {
		args = []string{"-"}
	}
	for _, a := range args {
		if a == "-" {
			if err := diagnose.Scan(in, "-", each); err != nil {
				return err
			}
			continue
		}
		f, err := os.Open(a)
		switch {
		case a == "":
			return errors.New("an argument is empty: name a file, - for the standard input, or a log line in quotes")
		case err == nil:
			err = diagnose.Scan(f, a, each)
			f.Close()
			if err != nil {
				return err
			}
		case strings.ContainsAny(a, " \n\t<{") && (errors.Is(err, fs.ErrNotExist) || len(a) > 200):
			if err := diagnose.Scan(strings.NewReader(a), "line", each); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w%s", err, unreadable(a, err))
		}
	}
	return nil
}

// unreadable says what helps where an argument can't be opened as a file.
func unreadable(arg string, err error) string {
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return ""
	case webURL.MatchString(arg), statusWord.MatchString(arg):
		return " (a URL and a status need the config that they are of: --explain-config /etc/nginx/nginx.conf; what a status means says badgateway explain)"
	}
	return " (a log line is put in quotes; what a word means says badgateway explain)"
}

func notKnown(r *diagnose.Report) string {
	switch {
	case r.Lines == 0:
		return "Nothing to read: no line came."
	case r.Left == r.Lines:
		return fmt.Sprintf("Not looked at: %s, all of another time than --since and --until ask for.", lineCount(r.Lines))
	}
	return fmt.Sprintf("Not known: %s, none of which says anything of a failure that badgateway knows.\n"+
		"Look for the gateway's error log of the same second, and for the log of what stands behind it.", lineCount(r.Lines))
}

func lineCount(n int) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// A diagnosis is one as --json prints it.
type diagnosis struct {
	Version    int                 `json:"version"`
	Cause      string              `json:"cause"`
	Side       diagnose.Side       `json:"side"`
	Confidence diagnose.Confidence `json:"confidence"`
	Says       string              `json:"says"`
	Status     int                 `json:"status"`
	Count      int                 `json:"count"`
	First      time.Time           `json:"first,omitzero"`
	Last       time.Time           `json:"last,omitzero"`
	Evidence   []diagnose.Evidence `json:"evidence"`
	Proves     string              `json:"proves,omitempty"`
	Confirm    string              `json:"confirm"`
	Remedy     string              `json:"remedy"`
	Confused   string              `json:"confused_with,omitempty"`
	Others     []otherCause        `json:"others"`
	Scenarios  []string            `json:"scenarios"`
	Proven     bool                `json:"proven"`
	Source     string              `json:"source"`
	Routes     []diagnose.Share    `json:"routes"`
	Peers      []diagnose.Share    `json:"peers"`
	RootOf     []string            `json:"root_of,omitempty"`
	EffectOf   string              `json:"effect_of,omitempty"`
	page       string              // who made the page that tells of it
	decision
}

type otherCause struct {
	Cause      string              `json:"cause"`
	Confidence diagnose.Confidence `json:"confidence"`
}

func diagnosisOf(r *diagnose.Report, c *diagnose.Count) diagnosis {
	ids, same := c.Cause.ShownFor(c.Line)
	d := diagnosis{
		Version: diagnosisVersion, Cause: c.Cause.Slug, Side: c.Cause.Side, Confidence: c.Confidence(), Says: diagnose.Sentence(c.Cause.Says, c.Line),
		Status: c.Cause.StatusFor(c.Line), Count: c.N, First: c.First, Last: c.Last, Evidence: c.Evidence, Proves: diagnose.Sentence(c.Cause.Proves, c.Line),
		Confirm: diagnose.Fill(c.Cause.Confirm, c.Line), Remedy: diagnose.Fill(c.Cause.RemedyFor(c.Line), c.Line),
		Confused: diagnose.Fill(c.Cause.Confused, c.Line), Others: []otherCause{}, Scenarios: append([]string{}, ids...), Proven: same,
		Source: c.Cause.Source, Routes: append([]diagnose.Share{}, c.Routes.Top(3)...), Peers: append([]diagnose.Share{}, c.Peers.Top(3)...),
	}
	for i := range d.Routes {
		d.Routes[i].Word = diagnose.Mask(d.Routes[i].Word)
	}
	for _, o := range c.Others {
		d.Others = append(d.Others, otherCause{o.Cause.Slug, o.Confidence()})
		if d.page == "" && c.Line.Form == "page" && o.Cause.Speaker && !c.Cause.Speaker && o.Confidence() == diagnose.High {
			d.page = fmt.Sprintf("%s [%s]", o.Cause.Says, o.Cause.Slug)
		}
	}
	for _, i := range r.Incidents {
		if i.Root == c {
			for _, e := range i.Effects {
				d.RootOf = append(d.RootOf, e.Cause.Slug)
			}
		} else if slices.Contains(i.Effects, c) && d.EffectOf == "" {
			d.EffectOf = i.Root.Cause.Slug
		}
	}
	return d
}

func printDiagnoses(out io.Writer, r *diagnose.Report, top int, decides func(*diagnose.Count) decision) error {
	lines := objects(out)
	for _, c := range r.Causes[:min(top, len(r.Causes))] {
		d := diagnosisOf(r, c)
		d.decision = decides(c)
		if err := lines.Encode(d); err != nil {
			return err
		}
	}
	return nil
}
