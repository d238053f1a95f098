package nginxconf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	crossplane "github.com/nginxinc/nginx-go-crossplane"
)

// A token is one word, or one of { } ; when it is not quoted.
type token struct {
	text   string
	line   int
	quoted bool
}

func (t token) is(sign string) bool { return !t.quoted && t.text == sign }

// lex splits a file into its tokens, without comments. What it has is taken off what is left, and where that is not enough
// the rest of the file is not read. The error names file and line.
func lex(file string, text []byte, left *quota) ([]token, error) {
	names := luaIn(text)
	if len(names) > fewLua && len(text) > maxLuaFile {
		return nil, tooMuch(file, 1, "put some of them into a file of their own",
			"more than %d kinds of blocks of Lua in more than %d KiB", fewLua, maxLuaFile>>10)
	}
	var options crossplane.LexOptions
	if len(names) > 0 {
		options.Lexers = []crossplane.RegisterLexer{crossplane.LexWithLexer(lua{}, names...)}
	}
	in := &source{text: text}
	stream := crossplane.LexWithOptions(in, options)
	var tokens []token
	var failed error
	for t := range stream { // to its end, or the lexer's goroutine would stay
		switch {
		case failed != nil:
		case t.Error != nil:
			failed = formError(file, t)
		case !t.IsQuoted && strings.HasPrefix(t.Value, "#"):
		default:
			one := token{unescape(t.Value), t.Line, t.IsQuoted}
			if failed = left.use(file, one); failed != nil {
				tokens = nil
				in.ended.Store(true)
				continue
			}
			tokens = append(tokens, one)
		}
	}
	return tokens, failed
}

// A source is a text whose reader, another goroutine, can be told that it ends early.
type source struct {
	text  []byte
	ended atomic.Bool
}

func (s *source) Read(into []byte) (int, error) {
	if len(s.text) == 0 || s.ended.Load() {
		return 0, io.EOF
	}
	n := copy(into, s.text)
	s.text = s.text[n:]
	return n, nil
}

func formError(file string, t crossplane.NgxToken) error {
	what, line := t.Error.Error(), t.Line
	var p *crossplane.ParseError
	if errors.As(t.Error, &p) {
		what = p.What
		if p.Line != nil {
			line = *p.Line
		}
	}
	if strings.HasPrefix(what, "unexpected end of file") {
		return nil // the tree knows which block it is that has no end
	}
	return fmt.Errorf("%s:%d: %s", file, line, what)
}

// unescape takes off the backslashes that nginx takes off: before quotes and backslashes, and those of \t, \r and \n. All
// others stay, for they belong to regular expressions.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case '"', '\'', '\\':
			out.WriteByte(text[i])
		case 't':
			out.WriteByte('\t')
		case 'r':
			out.WriteByte('\r')
		case 'n':
			out.WriteByte('\n')
		default:
			out.WriteByte('\\')
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// luaBlocks are the directives whose braces hold Lua. https://github.com/openresty/lua-nginx-module#directives
var luaBlocks = func() []string {
	var names []string
	for _, phase := range []string{"init", "init_worker", "exit_worker", "set", "server_rewrite", "rewrite", "access",
		"content", "precontent", "header_filter", "body_filter", "log", "balancer", "ssl_client_hello", "ssl_certificate",
		"ssl_session_fetch", "ssl_session_store", "preread", "proxy_ssl_certificate", "proxy_ssl_verify"} {
		names = append(names, phase+"_by_lua_block")
	}
	return names
}()

// The lexer looks up each directive's name among those of Lua's blocks at each of its characters. A long name is only passed
// over quickly where these are no more than a small map holds.
const (
	fewLua     = 8
	maxLuaFile = 128 << 10
)

// luaIn gives the kinds of blocks of Lua that a text may have.
func luaIn(text []byte) []string {
	var names []string
	if bytes.Contains(text, []byte("_by_lua_block")) {
		for _, name := range luaBlocks {
			if bytes.Contains(text, []byte(name)) {
				names = append(names, name)
			}
		}
	}
	return names
}

// lua reads the blocks of Lua: braces in its comments and strings do not count.
type lua struct{}

// Lex gives what stands before the brace as it is, the Lua as one quoted token, and the semicolon that a simple directive
// would have.
func (lua) Lex(s *crossplane.SubScanner, _ string) <-chan crossplane.NgxToken {
	out := make(chan crossplane.NgxToken, 8)
	go func() {
		defer close(out)
		var arg strings.Builder
		for s.Scan() { // up to the brace; set_by_lua_block has a variable's name before it
			switch t := s.Text(); {
			case t == "{":
				line := s.Line()
				if arg.Len() > 0 {
					out <- crossplane.NgxToken{Value: arg.String(), Line: line}
				}
				if code, ok := luaBody(s); ok {
					out <- crossplane.NgxToken{Value: code, Line: line, IsQuoted: true}
					out <- crossplane.NgxToken{Value: ";", Line: s.Line()}
				} else {
					out <- crossplane.NgxToken{Line: line, Error: errOpenLua}
				}
				return
			case t == ";" || t == "}": // it was no block after all
				if arg.Len() > 0 {
					out <- crossplane.NgxToken{Value: arg.String(), Line: s.Line()}
				}
				out <- crossplane.NgxToken{Value: t, Line: s.Line()}
				return
			case strings.TrimSpace(t) != "":
				arg.WriteString(t)
			}
		}
	}()
	return out
}

var errOpenLua = errors.New(`the block of Lua that begins here has no closing "}"`)

// luaBody reads to the brace that ends the block; not ok when there is none.
func luaBody(s *crossplane.SubScanner) (string, bool) {
	var code strings.Builder
	next := func() (string, bool) {
		ok := s.Scan()
		if ok {
			code.WriteString(s.Text())
		}
		return s.Text(), ok
	}
	depth := 1
	t, ok := next()
	for ok {
		switch t {
		case "{":
			depth++
		case "}":
			if depth--; depth == 0 {
				return strings.TrimSuffix(code.String(), "}"), true
			}
		case `"`, "'":
			quote := t
			for t, ok = next(); ok && t != quote && t != "\n"; t, ok = next() {
				if t == `\` {
					next()
				}
			}
		case "-":
			if t, ok = next(); !ok || t != "-" {
				continue
			}
			if t, ok = next(); ok && t == "[" {
				if t, ok = longBracket(next); ok && t == "" {
					break
				}
			}
			for ok && t != "\n" {
				t, ok = next()
			}
			continue
		case "[":
			if t, ok = longBracket(next); ok && t != "" {
				continue // no bracket: t has not been looked at yet
			}
		}
		if ok {
			t, ok = next()
		}
	}
	return code.String(), false
}

// longBracket reads a string in long brackets whose first bracket is behind; it gives "" when it was one, else the
// character that showed that it was none.
func longBracket(next func() (string, bool)) (string, bool) {
	level := 0
	t, ok := next()
	for ; ok && t == "="; t, ok = next() {
		level++
	}
	if !ok || t != "[" {
		return t, ok
	}
	want := "]" + strings.Repeat("=", level) + "]"
	tail := ""
	for t, ok = next(); ok; t, ok = next() {
		if tail += t; len(tail) > len(want) {
			tail = tail[len(tail)-len(want):]
		}
		if tail == want {
			return "", true
		}
	}
	return "", false
}
