package provision

import "strings"

// A token of a file as nginx would cut it. Comments and blocks of Lua give none.
type token struct {
	text string // a word without its quotes, or one of { } ;
	from int    // where it begins and ends in the file, quotes included
	to   int
	line int
	sign bool // it is one of { } ;
}

// scan cuts a text into tokens. It has to do for files that nginx could not read yet, such as templates, and so it knows no
// errors: nginxconf is for what is finished.
func scan(text string) []token {
	var all []token
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '{' && isLua(all):
			all = append(all, token{text: "{", from: i, to: i + 1, line: line, sign: true})
			end := luaEnd(text, i+1)
			line += strings.Count(text[i:end], "\n")
			i = end
		case c == '{' || c == '}' || c == ';':
			all = append(all, token{text: string(c), from: i, to: i + 1, line: line, sign: true})
			i++
		case c == '"' || c == '\'':
			end, word := quoted(text, i)
			all = append(all, token{text: word, from: i, to: end, line: line})
			line += strings.Count(text[i:end], "\n")
			i = end
		default:
			end := wordEnd(text, i)
			all = append(all, token{text: text[i:end], from: i, to: end, line: line})
			line += strings.Count(text[i:end], "\n") // an escaped line end
			i = end
		}
	}
	return all
}

func isLua(before []token) bool {
	return len(before) > 0 && strings.HasSuffix(before[len(before)-1].text, "_by_lua_block")
}

func quoted(text string, from int) (end int, word string) {
	var b strings.Builder
	for i := from + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			if text[i+1] != text[from] {
				b.WriteByte('\\')
			}
			i++
			b.WriteByte(text[i])
		case text[i] == text[from]:
			return i + 1, b.String()
		default:
			b.WriteByte(text[i])
		}
	}
	return len(text), b.String()
}

func wordEnd(text string, i int) int {
	for ; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ' ', '\t', '\r', '\n', ';', '{':
			return i
		case '$':
			if i+1 < len(text) && text[i+1] == '{' {
				i++
			}
		}
	}
	return len(text)
}

// luaEnd finds the brace that ends a block of Lua, past its strings and comments.
func luaEnd(text string, i int) int {
	for depth := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			end, _ := quoted(text, i)
			i = end - 1
		case strings.HasPrefix(text[i:], "--[["), strings.HasPrefix(text[i:], "[["):
			end := strings.Index(text[i:], "]]")
			if end < 0 {
				return len(text)
			}
			i += end + 1
		case strings.HasPrefix(text[i:], "--"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return len(text)
			}
			i += end
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// code is the text with all that is no config (comments, Lua) replaced by spaces, so that places in it stay the same.
func code(text string) string {
	out := []byte(strings.Repeat(" ", len(text)))
	for i := range text {
		if text[i] == '\n' {
			out[i] = '\n'
		}
	}
	for _, t := range scan(text) {
		copy(out[t.from:t.to], text[t.from:t.to])
	}
	return string(out)
}

// A node is a directive of one file by its form alone: includes are not followed.
type node struct {
	name  string
	args  []string
	line  int
	block []node
	open  bool // it has a block
}

func outline(text string) []node {
	tokens := scan(text)
	nodes, _ := parse(tokens, 0)
	return nodes
}

func parse(tokens []token, depth int) (nodes []node, used int) {
	var words []token
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if !t.sign {
			words = append(words, t)
			continue
		}
		if t.text == "}" {
			if depth > 0 {
				return nodes, i + 1
			}
			continue
		}
		if len(words) == 0 && t.text == ";" {
			continue
		}
		n := node{line: t.line, open: t.text == "{"}
		for k, w := range words {
			if k == 0 {
				n.name, n.line = w.text, w.line
			} else {
				n.args = append(n.args, w.text)
			}
		}
		words = nil
		if n.open {
			var took int
			if depth > 200 { // nobody writes this; a stack has an end
				return nodes, len(tokens)
			}
			n.block, took = parse(tokens[i+1:], depth+1)
			i += took
		}
		nodes = append(nodes, n)
	}
	return nodes, len(tokens)
}

// lineAt is the line, from 1, of a place in a text.
func lineAt(text string, at int) int { return 1 + strings.Count(text[:at], "\n") }
