package provision

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// With is the config as it stands in the lab, after the edits. The tree itself stays as it is.
func (t *Tree) With(edits []audit.Edit) (*Tree, error) {
	byFile, err := t.changes(edits)
	if err != nil {
		return nil, err
	}
	with := *t
	with.Files, with.index, with.pending, with.view = slices.Clone(t.Files), maps.Clone(t.index), nil, nil
	for name, all := range byFile {
		there := false
		for _, file := range keys(t.origin) {
			i, ours := t.index[file]
			if t.origin[file] != name || !ours || t.Files[i].Link != "" {
				continue
			}
			f := t.Files[i]
			if f.Data, err = edited(f.Data, all); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			with.put(f)
			there = true
		}
		if text, images := t.image[name]; !there && images {
			if text, err = edited(text, all); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			with.put(agentapi.File{Path: name, Data: text})
			there = true
		}
		if !there {
			return nil, fmt.Errorf("%s is no file of the config's own", name)
		}
	}
	return &with, nil
}

// Changes are the user's files after the edits, each relative to Root. Those of an image are not among them.
func (t *Tree) Changes(edits []audit.Edit) ([]audit.FileChange, error) {
	byFile, err := t.changes(edits)
	if err != nil {
		return nil, err
	}
	var all []audit.FileChange
	for _, name := range keys(byFile) {
		if _, images := t.image[name]; images {
			continue
		}
		c := audit.FileChange{File: name, Before: t.text(name)}
		for hops := 0; t.userFiles[c.File].link != "" && hops < 8; hops++ { // a link stays one
			c.File = path.Join(path.Dir(c.File), t.userFiles[c.File].link)
		}
		if _, own := t.userFiles[c.File]; !own {
			return nil, fmt.Errorf("%s is no file of the config's own", name)
		}
		if c.After, err = edited(c.Before, byFile[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// A statement is a directive to be found in one file, and what becomes of it.
type statement struct {
	line int // 0 for the file itself
	name string
	args []string
	head [][]string // go to the head of its block, or of the file
	gone bool
	put  []string // takes its place, when it is gone
}

// changes are the edits by the file that they are made in. What several edits have alike is done once, and what they have
// different for one directive can't be done.
func (t *Tree) changes(edits []audit.Edit) (map[string][]*statement, error) {
	all := map[string][]*statement{}
	known := map[*nginxconf.Directive]*statement{}
	find := func(d *nginxconf.Directive) *statement {
		if s := known[d]; s != nil {
			return s
		}
		s := &statement{line: d.Place.Line, name: d.Name, args: d.Args}
		file := d.Place.File
		if t.Wrapper && d.Parent == nil && (d.Name == "http" || d.Name == "stream") && t.origin[t.Main] == "" {
			s.line = 0 // our own block around the user's fragment
		}
		for _, other := range all[file] {
			if other.line == s.line && (s.line == 0 || other.name == s.name && slices.Equal(other.args, s.args)) {
				known[d] = other // the same words, included once more
				return other
			}
		}
		known[d] = s
		all[file] = append(all[file], s)
		return s
	}
	for _, e := range edits {
		left := statementsOf(e.Lines)
		for i, d := range e.Replaces {
			// Each takes the place of one; what is more stands with the last.
			last := !slices.ContainsFunc(e.Replaces[i+1:], func(next *nginxconf.Directive) bool { return next.Name == d.Name })
			var put []string
			left = slices.DeleteFunc(left, func(one []string) bool {
				takes := firstWord(one[0]) == d.Name && (last || len(put) == 0)
				if takes {
					put = append(put, strings.Join(one, "\n"))
				}
				return takes
			})
			s := find(d)
			if s.gone && !slices.Equal(s.put, put) {
				return nil, fmt.Errorf("%s at %s has two mends", d.Name, d.Place)
			}
			s.gone, s.put = true, put
		}
		for _, one := range left {
			home := &statement{}
			if e.Block != nil {
				home = find(e.Block)
			} else {
				file := e.Replaces[0].Place.File
				all[file] = append(all[file], home)
			}
			if !slices.ContainsFunc(home.head, func(other []string) bool { return sameLines(other, one) }) {
				home.head = append(home.head, one)
			}
		}
	}
	return all, nil
}

// sameLines reports whether two directives are the same but for their comments.
func sameLines(a, b []string) bool {
	return slices.EqualFunc(a, b, func(x, y string) bool { return withoutComment(x) == withoutComment(y) })
}

// statementsOf are the directives that lines are.
func statementsOf(lines []string) (all [][]string) {
	depth := 0
	for _, l := range lines {
		if depth == 0 {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], l)
		for _, t := range scan(l) {
			switch {
			case t.sign && t.text == "{":
				depth++
			case t.sign && t.text == "}":
				depth--
			}
		}
	}
	return all
}

func firstWord(l string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(l), " ")
	return strings.TrimSuffix(word, ";")
}

// withoutComment is a line without the comment at its end.
func withoutComment(l string) string {
	end := 0
	for _, t := range scan(l) {
		end = t.to
	}
	return l[:end]
}

// A span of a text, and what comes in its place.
type span struct {
	from, to int
	with     string
}

// edited is a text after its changes. All else in it stays, to the byte.
func edited(text string, all []*statement) (string, error) {
	tokens := scan(text)
	var spans []span
	for _, s := range all {
		if s.line == 0 {
			for _, one := range s.head {
				spans = append(spans, span{0, 0, strings.Join(one, "\n") + "\n"})
			}
			continue
		}
		from, to, err := locate(tokens, s)
		if err != nil {
			return "", err
		}
		if s.gone {
			spans = append(spans, replacement(text, tokens[from].from, tokens[ending(tokens, to)].to, s.put))
		}
		if len(s.head) > 0 {
			if tokens[to].text != "{" {
				return "", fmt.Errorf("%s in line %d has no block", s.name, s.line)
			}
			spans = append(spans, insertion(text, tokens, from, to, s.head))
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	at := 0
	for _, s := range spans {
		if s.from < at {
			return "", fmt.Errorf("two mends change the same place, line %d", lineAt(text, s.from))
		}
		out.WriteString(text[at:s.from] + s.with)
		at = s.to
	}
	out.WriteString(text[at:])
	return out.String(), nil
}

// locate finds a directive by its line and its words, from its name to the sign that ends it or begins its block. A value that a
// template leaves open tells nothing, so where only one of that name begins on the line it is that.
func locate(tokens []token, s *statement) (from, to int, err error) {
	type found struct{ from, to int }
	var named, same []found
	begin := 0
	for i, t := range tokens {
		if !t.sign {
			continue
		}
		if d := tokens[begin:i]; len(d) > 0 && d[0].line == s.line && d[0].text == s.name && t.text != "}" {
			named = append(named, found{begin, i})
			if slices.EqualFunc(d[1:], s.args, func(t token, arg string) bool { return t.text == arg }) {
				same = append(same, found{begin, i})
			}
		}
		begin = i + 1
	}
	switch {
	case len(same) == 1:
		return same[0].from, same[0].to, nil
	case len(named) == 1:
		return named[0].from, named[0].to, nil
	}
	return 0, 0, fmt.Errorf("%s can't be told apart in line %d", s.name, s.line)
}

// ending is the sign that a directive ends with: the one given, or the end of the block that it begins.
func ending(tokens []token, open int) int {
	depth := 0
	for i := open; i < len(tokens); i++ {
		if !tokens[i].sign {
			continue
		}
		switch tokens[i].text {
		case "{":
			depth++
		case "}":
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return open
}

// indentOf is the white space that a line begins with.
func indentOf(text string, at int) string {
	begin := strings.LastIndexByte(text[:at], '\n') + 1
	end := begin
	for end < len(text) && (text[end] == ' ' || text[end] == '\t') {
		end++
	}
	return text[begin:end]
}

// insertion puts directives at the head of a block.
func insertion(text string, tokens []token, from, open int, head [][]string) span {
	at := tokens[open].to
	end := strings.IndexByte(text[at:], '\n')
	if end >= 0 {
		end += at
	}
	if end < 0 || open+1 < len(tokens) && tokens[open+1].from < end {
		// More follows on the line: these do too.
		var words []string
		for _, one := range head {
			for _, l := range one {
				words = append(words, strings.TrimSpace(withoutComment(l)))
			}
		}
		return span{at, at, " " + strings.Join(words, " ")}
	}
	indent := indentOf(text, tokens[from].from) + "    "
	if next := open + 1; next < len(tokens) && tokens[next].text != "}" {
		indent = indentOf(text, tokens[next].from)
	}
	with := ""
	for _, one := range head {
		for _, l := range one {
			with += "\n" + indent + l
		}
	}
	if strings.HasSuffix(text[at:end], "\r") {
		end--
		with = strings.ReplaceAll(with, "\n", "\r\n")
	}
	return span{end, end, with}
}

// replacement puts directives in the place of one, or takes it out, with its line where nothing else is on it.
func replacement(text string, from, to int, put []string) span {
	begin := strings.LastIndexByte(text[:from], '\n') + 1
	if len(put) > 0 {
		for i := range put {
			put[i] = strings.TrimSpace(withoutComment(put[i]))
		}
		sep := " "
		if strings.TrimSpace(text[begin:from]) == "" {
			sep = "\n" + text[begin:from]
		}
		return span{from, to, strings.Join(put, sep)}
	}
	end := to
	for end < len(text) && (text[end] == ' ' || text[end] == '\t' || text[end] == '\r') {
		end++
	}
	if strings.TrimSpace(text[begin:from]) == "" && end < len(text) && text[end] == '\n' {
		return span{begin, end + 1, ""}
	}
	if begin < from && text[from-1] == ' ' {
		from--
	}
	return span{from, to, ""}
}
