package report

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/badgateway/badgateway/harness/internal/nasty"
	"github.com/badgateway/badgateway/harness/internal/testhtml"
	"github.com/badgateway/badgateway/harness/scenario"
)

// sampleMatrix has a cell of each kind.
func sampleMatrix() scenario.Matrix {
	cell := func(gateway string, e scenario.Expectation, log ...string) scenario.Cell {
		return scenario.Cell{Gateway: gateway, Scenario: "app-hangs", Fault: "the application hangs", Got: &e, Waited: e.After, Log: log, Remedy: "Restart it."}
	}
	return scenario.Matrix{
		Gateways: []string{"nginx/1.22.1", "HAProxy/2.6.12-1+deb12u4", "squid", "varnish"},
		Rows: []scenario.MatrixRow{{Row: scenario.Row{Name: "silent", Fault: "the application hangs"}, Cells: []scenario.Cell{
			cell("nginx/1.22.1", scenario.Expectation{Status: 504, After: time.Minute, Tries: 1}, "[error] upstream timed out"),
			cell("HAProxy/2.6.12-1+deb12u4", scenario.Expectation{Status: 503, After: 29 * time.Second, Until: 34 * time.Second, Tries: 4}),
			{Gateway: "squid", Missing: "nobody has staged it"},
			{Gateway: "varnish", Scenario: "varnish-silent", Unproven: "failed, status: expected 503, came 200"},
		}}},
	}
}

func TestMatrix(t *testing.T) {
	for _, width := range []int{60, 100, 200} {
		var out bytes.Buffer
		if err := Matrix(&out, sampleMatrix(), false, width); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"504 60 s", "503 29-34 s ×4", "unproven !", "- squid: nobody has staged it (silent)", "! varnish silent: failed, status: expected 503, came 200",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > width && !strings.HasPrefix(line, "!") {
				t.Errorf("%d columns in a terminal of %d: %s", n, width, line)
			}
		}
	}
}

func TestMatrix_Details(t *testing.T) {
	var text, md bytes.Buffer
	if err := MatrixDetails(&text, sampleMatrix(), false); err != nil {
		t.Fatal(err)
	}
	if err := MatrixMarkdown(&md, sampleMatrix(), true); err != nil {
		t.Fatal(err)
	}
	page := testhtml.Text(testhtml.Parse(t, func(w io.Writer) error { return MatrixHTML(w, sampleMatrix()) }))
	for name, out := range map[string]string{"text": text.String(), "markdown": md.String(), "page": page} {
		for _, want := range []string{"the application hangs", "[error] upstream timed out", "Restart it.", "nobody has staged it", "came 200", "503 29-34 s ×4"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in the %s:\n%s", want, name, out)
			}
		}
	}
	md.Reset()
	if err := MatrixMarkdown(&md, sampleMatrix(), false); err != nil || strings.Count(md.String(), "\n") != 3 {
		t.Errorf("the short one, %v:\n%s", err, md.String())
	}
}

func TestMatrixLogs_OfRowsThatVisitorsCanNotTell(t *testing.T) {
	m := sampleMatrix()
	older, newer := m.Rows[0].Cells[0], m.Rows[0].Cells[0]
	older.Log, newer.Gateway = []string{"[crit] older words"}, "nginx/1.30.6"
	same := scenario.MatrixRow{Row: scenario.Row{Name: "sni-missing"}, Cells: []scenario.Cell{older, newer}}
	var out bytes.Buffer
	if err := MatrixLogs(&out, scenario.Matrix{Rows: append(m.Rows, same)}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "sni-missing, in the log:\nnginx/1.22.1  [crit] older words\nnginx/1.30.6  [error] upstream timed out\n") || strings.Contains(out.String(), "silent") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestMatrix_EscapesHostileText(t *testing.T) {
	m := sampleMatrix()
	nasty.Fill(&m, nasty.Text)
	m.Rows[0].Cells[0].Unproven = ""
	for name, write := range map[string]func(io.Writer) error{
		"table":    func(w io.Writer) error { return Matrix(w, m, false, 100) },
		"details":  func(w io.Writer) error { return MatrixDetails(w, m, false) },
		"markdown": func(w io.Writer) error { return MatrixMarkdown(w, m, true) },
		"logs":     func(w io.Writer) error { return MatrixLogs(w, m) },
		"page":     func(w io.Writer) error { return MatrixHTML(w, m) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		if at := nasty.Raw(out.String()); at != "" {
			t.Errorf("%s has a character that drives or deceives its reader: %q", name, at)
		}
	}
	for n := range testhtml.Parse(t, func(w io.Writer) error { return MatrixHTML(w, m) }).Descendants() {
		if n.Data == "script" || n.Data == "img" {
			t.Errorf("the page has a <%s>", n.Data)
		}
	}
}
