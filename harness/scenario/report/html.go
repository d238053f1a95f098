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
// the first byte is written, so that a reader never gets half of it. The error is the template's or the writer's.
func HTML(w io.Writer, run Run, all []scenario.Evidence) error {
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, newPage(run, all)); err != nil {
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
	"raw": raw, "page": page, "proof": proof, "measured": measured, "lines": lines, "join": strings.Join,
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
}

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
			Evidence: e, Anchor: fmt.Sprintf("s%d", i+1), Family: n,
			Name: terminal.Clean(e.Scenario), Verdict: cells[verdictColumn], Answer: cells[statusColumn], Logged: cells[logColumn],
			Wait: strings.TrimSuffix(cells[timeColumn], " "+mark), Shortened: shortened(e), FailedEarly: failedEarly(e),
			Asked: seen.Request != "", Exchanges: exchanges(e), Seen: seen, SeenWhen: when,
		})
	}
	return data
}

// exchanges are the times that the client came to ask.
func exchanges(e scenario.Evidence) []stage {
	all := []stage{{"Before the fault", e.Clock, e.Healthy}, {"Under the fault", e.Clock, e.Broken}, {"After the remedy", e.Clock, e.Recovered}}
	return slices.DeleteFunc(all, func(s stage) bool { return s.Request == "" })
}
