package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// HTML writes the run as one page that needs nothing beside itself: no script, no font, no other file. It can be mailed,
// kept as a build's artefact, and read on a phone, in the dark, and by a screen reader. The page is made whole before
// the first byte is written, so that a reader never gets half of it. Claims that something of the run tests stand at its end, with
// what was measured. The error is the template's or the writer's.
func HTML(w io.Writer, run Run, all []scenario.Evidence, claims ...scenario.Claim) error {
	var out bytes.Buffer
	data := newPage(run, all)
	data.Claims = claimRows(claims, all)
	if err := pageTemplate.Execute(&out, data); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	_, err := io.WriteString(w, terminal.Clean(out.String())) // whatever the template forgot
	return err
}

//go:embed page.html.tmpl
var pageSource string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"clean": terminal.Clean, "status": status, "statusLong": statusLong, "waited": waited, "seconds": seconds, "clock": clock,
	"raw": raw, "page": func(x lab.Exchange) string { return strings.Join(page(x), " · ") }, "proof": proof, "measured": measured, "lines": lines, "join": strings.Join,
	"link":  func(s string) bool { return strings.HasPrefix(s, "https://") && !strings.ContainsAny(s, " \n") },
	"style": func() template.CSS { return template.CSS(pageStyle) }, // our own file: nothing of the evidence is in it
	"ms":    func(e lab.Event) string { return fmt.Sprintf("%.1f", float64(e.At.Microseconds())/1000) },
}).Parse(pageSource))

// A pageData is what the template shows.
type pageData struct {
	Run                     Run
	Passed, Failed, Skipped int
	Families                []family
	Cards                   []card
	Notes                   []string
	Claims                  []claimRow
}

// A claimRow is what articles say of a cause, and what was measured, with the anchors of the evidence.
type claimRow struct {
	Cause, Says, Verdict string
	Proven, Of           int // how many of the scenarios that test it passed in this run
	Measured             []measuredIn
}

// measuredIn is what was measured in some scenarios.
type measuredIn struct {
	Outcome string
	In      []anchored
}

// anchored is a scenario with the place of its evidence in the page.
type anchored struct{ Anchor, Scenario string }

// A family is one of the filter's choices. Its number stands for it in the style, where a name could do harm.
type family struct {
	Number, Count int
	Name          string
}

// A card is one evidence with what the page says of it in its own words.
type card struct {
	scenario.Evidence
	Anchor      string // names it in the page's address
	Family      int
	Name        string
	Verdict     string
	Answer      string
	Logged      string
	Wait        string
	Shortened   bool
	FailedEarly bool // whether the lab failed before anybody asked under the fault
	Asked       bool // whether it came to a question at all
	Exchanges   []stage
	Seen        lab.Exchange // the one whose logs are shown
	SeenWhen    string
}

// A stage is one of the three times that the client asked.
type stage struct {
	When  string
	Clock string
	lab.Exchange
}

func newPage(run Run, all []scenario.Evidence) pageData {
	data := pageData{Run: run, Notes: notes(all)}
	data.Passed, data.Failed, data.Skipped = Count(all)
	numbers := map[string]int{}
	for i, e := range all {
		n, known := numbers[e.Family]
		if !known {
			n = len(data.Families)
			numbers[e.Family] = n
			data.Families = append(data.Families, family{Number: n, Name: e.Family})
		}
		data.Families[n].Count++

		cells := cells(e)
		seen, when := lastLook(e)
		data.Cards = append(data.Cards, card{
			Evidence: e, Anchor: anchor(i), Family: n,
			Name: terminal.Clean(e.Scenario), Verdict: cells[verdictColumn], Answer: cells[statusColumn], Logged: cells[logColumn],
			Wait: strings.TrimSuffix(cells[timeColumn], " "+mark), Shortened: shortened(e), FailedEarly: failedEarly(e),
			Asked: seen.Request != "", Exchanges: exchanges(e), Seen: seen, SeenWhen: when,
		})
	}
	return data
}

// claimRows are the claims that something of the run tests.
func claimRows(claims []scenario.Claim, all []scenario.Evidence) []claimRow {
	anchors := map[string]string{}
	for i, e := range all {
		if anchors[e.Scenario] == "" || e.Variant == scenario.Real {
			anchors[e.Scenario] = anchor(i)
		}
	}
	var rows []claimRow
	trials := scenario.TrialsSeen(all)
	for _, c := range claims {
		w := c.Weigh(trials)
		row := claimRow{Cause: w.Cause, Says: w.Says, Verdict: w.Verdict}
		for _, o := range outcomes(w) {
			m := measuredIn{Outcome: o.text}
			for _, id := range o.scenarios {
				m.In = append(m.In, anchored{anchors[id], id})
			}
			row.Measured = append(row.Measured, m)
			row.Proven += len(m.In)
		}
		row.Of = len(w.Scenarios)
		if len(row.Measured) > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// anchor names the evidence at a place in the page's address.
func anchor(i int) string { return fmt.Sprintf("s%d", i+1) }

// exchanges are the times that the client came to ask.
func exchanges(e scenario.Evidence) []stage {
	all := []stage{{"Before the fault", e.Clock, e.Healthy}, {"Under the fault", e.Clock, e.Broken}, {"After the remedy", e.Clock, e.Recovered}}
	return slices.DeleteFunc(all, func(s stage) bool { return s.Request == "" })
}
