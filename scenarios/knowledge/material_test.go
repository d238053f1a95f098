package knowledge

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/diagnose"
)

// material is where texts with the cause that is wanted of them stand.
var material = filepath.Join("..", "testdata", "diagnose")

func book(t testing.TB) *diagnose.Book {
	t.Helper()
	b, err := diagnose.NewBook(Causes())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// top are the causes that a text is diagnosed with, the first first.
func top(t testing.TB, b *diagnose.Book, text string) []*diagnose.Count {
	t.Helper()
	return reportOf(t, b, map[string]string{"": text}).Causes
}

func reportOf(t testing.TB, b *diagnose.Book, texts map[string]string) *diagnose.Report {
	t.Helper()
	r := b.NewReport(diagnose.Filter{})
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range texts {
			if !yield(n) {
				return
			}
		}
	}) {
		if err := r.Read(strings.NewReader(texts[name]), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.Finish()
	return r
}

// A sample is a text with what is wanted of it.
type sample struct {
	at    string
	wants []string
	text  string
}

func lines(t testing.TB) (all []sample) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(material, "lines", "*.txt"))
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var s sample
		in := bufio.NewScanner(f)
		in.Buffer(nil, 1<<20)
		flush := func() {
			if s.text != "" && len(s.wants) > 0 {
				all = append(all, s)
			}
			s = sample{}
		}
		for n := 1; in.Scan(); n++ {
			switch line := in.Text(); {
			case line == "":
				flush()
			case strings.HasPrefix(line, "# want: "):
				s.at, s.wants = fmt.Sprintf("%s:%d", filepath.Base(name), n), strings.Split(strings.TrimPrefix(line, "# want: "), "|")
			case strings.HasPrefix(line, "# source: "):
			default:
				s.text += line + "\n"
			}
		}
		flush()
		f.Close()
	}
	return all
}

// satisfies reports whether a diagnosis is what is wanted: a slug, or one of the answers that name no cause.
func satisfies(want, slug string, got []*diagnose.Count) bool {
	switch want {
	case "nothing-wrong":
		return len(got) == 0 || got[0].Cause.Side == diagnose.Nobody || got[0].Cause.Side == diagnose.Client
	case "cannot-tell":
		return len(got) == 0 || got[0].Cause.Side == diagnose.Unknown || got[0].Sure < 50
	case "unknown":
		return len(got) == 0
	}
	return slug == want
}

func pageFiles(t testing.TB) (all []sample) {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(material, "pages", "pages.tsv"))
	if os.IsNotExist(err) {
		return nil
	}
	for line := range strings.Lines(string(index)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) < 2 || strings.HasPrefix(line, "#") || fields[0] == "file" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(material, "pages", fields[0]))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sample{fields[0], strings.Split(fields[1], "|"), string(text)})
	}
	return all
}

func TestMaterial_IsNamedRightly(t *testing.T) {
	t.Parallel()
	b := book(t)
	for kind, all := range map[string][]sample{"lines": lines(t), "pages": pageFiles(t)} {
		for _, s := range all {
			for _, w := range s.wants {
				if b.Cause(w) == nil && !slices.Contains([]string{"nothing-wrong", "cannot-tell", "unknown"}, w) {
					t.Errorf("%s wants %q, which is no cause", s.at, w)
				}
			}
			got := top(t, b, s.text)
			slug, sure := "nothing", 0
			if len(got) > 0 {
				slug, sure = got[0].Cause.Slug, got[0].Sure
			}
			if slices.ContainsFunc(s.wants, func(w string) bool { return satisfies(w, slug, got) }) {
				continue
			}
			var others []string
			for _, c := range got[min(1, len(got)):] {
				others = append(others, c.Cause.Slug)
			}
			t.Errorf("%s: want %s, got %s (%d; then %v)\n\t%.300s", s.at, strings.Join(s.wants, "|"), slug, sure, others, strings.ReplaceAll(s.text, "\n", "\n\t"))
		}
		if len(all) == 0 {
			t.Errorf("there are no %s", kind)
		}
	}
}

// An incident is a folder of logs with WANT: its root, its symptom, and the order.
func TestIncidents_HaveTheirRoot(t *testing.T) {
	t.Parallel()
	b := book(t)
	folders, _ := filepath.Glob(filepath.Join(material, "incidents", "*"))
	for _, folder := range folders {
		texts := map[string]string{}
		want := map[string][]string{}
		files, _ := os.ReadDir(folder)
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(folder, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if f.Name() != "WANT" {
				texts[f.Name()] = string(text)
				continue
			}
			for line := range strings.Lines(string(text)) {
				if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
					want[key] = strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '|' })
				}
			}
		}
		r := reportOf(t, b, texts)
		var slugs []string
		for _, c := range r.Causes {
			slugs = append(slugs, c.Cause.Slug)
		}
		if len(slugs) == 0 || !slices.Contains(want["root"], slugs[0]) {
			t.Errorf("%s: want the root %v, got %v", filepath.Base(folder), want["root"], slugs)
		}
		for _, s := range want["order"] {
			if !slices.Contains(slugs, s) {
				t.Errorf("%s: %s of its order is not there: %v", filepath.Base(folder), s, slugs)
			}
		}
		joined := slices.ContainsFunc(r.Incidents, func(i diagnose.Incident) bool {
			return slices.Contains(want["root"], i.Root.Cause.Slug) &&
				slices.ContainsFunc(i.Effects, func(e *diagnose.Count) bool { return slices.Contains(want["symptom"], e.Cause.Slug) })
		})
		if !joined {
			t.Errorf("%s: the root %v and the symptom %v are not one incident", filepath.Base(folder), want["root"], want["symptom"])
		}
	}
}

// Whatever a text is, all that is said of it can be said.
func FuzzDiagnose(f *testing.F) {
	for _, s := range append(lines(f), pageFiles(f)...) {
		f.Add(s.text)
	}
	b := book(f)
	f.Fuzz(func(t *testing.T, text string) {
		r := b.NewReport(diagnose.Filter{})
		_ = r.Read(strings.NewReader(text), "fuzz") // what is no text, or packed, is an error
		r.Finish()
		for _, c := range r.Causes {
			_ = diagnose.Fill(c.Cause.Confirm, c.Line)
			_ = diagnose.Sentence(c.Cause.Says, c.Line)
			_ = c.Cause.RemedyFor(c.Line)
			if c.Sure < 1 || c.Sure > 99 || c.N < 1 {
				t.Errorf("%s: %d, %d times", c.Cause.Slug, c.Sure, c.N)
			}
		}
	})
}
