package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/junit"
	"github.com/badgateway/badgateway/harness/internal/nasty"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// evidenceOf is evidence in which every text is this, in all the shapes that show one text or another.
func evidenceOf(text string) []scenario.Evidence {
	all := make([]scenario.Evidence, 5)
	for i := range all {
		nasty.Fill(&all[i], text)
		all[i].Error = ""
	}
	all[0].Verdict, all[0].Variant = scenario.Passed, scenario.Fake
	all[1].Verdict, all[1].Variant = scenario.Failed, scenario.Real
	all[2].Verdict, all[2].Error = scenario.Error, text
	all[3].Verdict, all[3].Differences, all[3].Broken.Status = scenario.Failed, nil, 0 // without an answer
	for i := range all[3].Broken.Log {
		all[3].Broken.Log[i].Raw = "" // known in short alone
	}
	return all
}

func TestReports_EscapeHostileText(t *testing.T) {
	all, run := evidenceOf(nasty.Text), Run{}
	nasty.Fill(&run, nasty.Text)
	forms := map[string]func(io.Writer) error{
		"table":        func(w io.Writer) error { return Table(w, all, false, 0) },
		"narrow table": func(w io.Writer) error { return Table(w, all, false, 80) },
		"html":         func(w io.Writer) error { return HTML(w, run, all) },
		"json":         func(w io.Writer) error { return JSON(w, run, all) },
		"junit":        func(w io.Writer) error { return JUnit(w, run, all) },
	}
	for i, e := range all {
		name := string(rune('1' + i))
		forms["show "+name] = func(w io.Writer) error { return Show(w, e, false) }
		forms["transcript "+name] = func(w io.Writer) error { return Transcript(w, e) }
		forms["line "+name] = func(w io.Writer) error { return Line(w, e) }
	}
	for name, write := range forms {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if at := nasty.Raw(out.String()); at != "" {
			t.Errorf("%s has a character that drives or deceives its reader: %q", name, at)
		}
		form, _, _ := strings.Cut(name, " ")
		switch form {
		case "json", "line":
			var v any
			if err := json.Unmarshal(out.Bytes(), &v); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case "junit":
			if err := xml.Unmarshal(out.Bytes(), new(junit.Root)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		case "html": // its elements: TestHTML_IsSafe
			continue
		}
		var shown bytes.Buffer
		w := terminal.NewWriter(&shown)
		_, _ = io.Copy(w, &out)
		w.Flush()
		if at := nasty.Command(shown.String()); at != "" {
			t.Errorf("%s has a command to a CI system: %q", name, at)
		}
	}
}
