package diagnose

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Bounds of what is read: hostile input costs time, and no memory beyond these.
const (
	unpackedMost = 64 << 30 // of one file
	blockMost    = 256 << 10
	blockLines   = 4000
	harMost      = 64 << 20
	copiedMost   = 8 << 10 // of the text of a page
)

// Errors of reading.
var (
	ErrBinary   = errors.New("this is no text")
	ErrTooLarge = errors.New("what is packed in it is larger than 64 GiB")
)

// Scan reads a stream, plain or packed by gzip or zstd, and calls each with its lines in order, until it returns false. What follows
// a page's or an answer's first line is one [Line] with it. A HAR file gives one for each answer. Lines are read on all processors; each is
// called for one after the other, and not any more when Scan has returned. A line is good until each returns: it is used again for another.
func Scan(r io.Reader, file string, each func(*Line) bool) error {
	b := bufio.NewReaderSize(r, longest)
	s := &scanner{file: file, out: newPipeline(each)}
	defer s.out.end()
	for !s.out.stopped.Load() {
		head, err := b.Peek(4)
		switch {
		case len(head) == 0:
			s.flush()
			if err != nil && err != io.EOF {
				return fmt.Errorf("%s, line %d: %w", file, s.line+1, err)
			}
			return nil
		case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
			var z *gzip.Reader
			if z, err = gzip.NewReader(b); err == nil {
				z.Multistream(false) // something else may follow
				err = s.plain(bufio.NewReaderSize(&limited{z, unpackedMost}, longest), false)
			}
		case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			var z *zstd.Decoder
			if z, err = zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20)); err == nil {
				err = s.plain(bufio.NewReaderSize(&limited{z, unpackedMost}, longest), false)
				z.Close()
			}
		default:
			err = s.plain(b, true)
		}
		if err != nil {
			s.flush()
			return fmt.Errorf("%s, line %d: %w", file, s.line+1, err)
		}
	}
	return nil
}

type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	return n, err
}

// A scanner puts lines together to blocks.
type scanner struct {
	file string
	out  *pipeline
	line int

	block strings.Builder // a page or an answer under way
	begun int             // its first line; 0 for none
	lines int

	object []string // a JSON object that is printed over lines, under way
	opened int      // its first line

	copy bool // all of it is one page
}

// plain reads text to its end, or to where something packed begins.
func (s *scanner) plain(b *bufio.Reader, outer bool) error {
	if head, _ := b.Peek(4096); bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) && bytes.Contains(head, []byte(`"log"`)) && bytes.Contains(head, []byte(`"creator"`)) {
		return s.har(b)
	} else if text := textOf(head); controls(text) > len(text)/20 {
		return ErrBinary
	}
	if head, err := b.Peek(copiedMost); outer && s.line == 0 && err == io.EOF && isCopy(string(head)) {
		s.begun, s.copy = 1, true
	}
	for !s.out.stopped.Load() {
		if outer {
			if head, _ := b.Peek(4); len(head) == 4 && (head[0] == 0x1f && head[1] == 0x8b || bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd})) {
				return nil
			}
		}
		text, err := b.ReadSlice('\n')
		if len(text) > 0 {
			line := string(bytes.TrimRight(text, "\r\n"))
			for err == bufio.ErrBufferFull {
				_, err = b.ReadSlice('\n')
			}
			s.line++
			s.take(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// controls counts the bytes that no text has.
func controls(text []byte) (n int) {
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != 0x1b {
			n++
		}
	}
	return n
}

// textOf is what stands before something packed.
func textOf(head []byte) []byte {
	for _, magic := range [][]byte{{'\n', 0x1f, 0x8b}, {'\n', 0x28, 0xb5, 0x2f, 0xfd}} {
		if i := bytes.Index(head, magic); i >= 0 {
			head = head[:i]
		}
	}
	return head
}

var (
	blockStart = regexp.MustCompile(`(?i)^\s*(?:(?:<|&lt;)(?:!doctype|html|head\b|title\b|body\b|h2>|hr>|meta |\?xml)|(?:\*\s+)?< HTTP/|HTTP/[123](?:\.\d)? \d{3}|\* +Trying |\* Connected to|\*\s+Host |<h1>|<center>)`)
	logStart   = regexp.MustCompile(`^(?:\S+ +\| )?(?:\d{4}[/-]\d\d[/-]\d\d|\[\w{3} \w{3} [ \d]\d |\w{3} [ \d]\d \d\d:\d\d:\d\d |\d+\.\d+\.\d+\.\d+ - )`)
)

// objectMost is how many lines a JSON object that is printed over lines may have.
const objectMost = 300

// joined takes a line of a JSON object that is printed over lines: what stands in it is one line of a log.
func (s *scanner) joined(text string) bool {
	switch {
	case s.object == nil && (s.begun > 0 || !strings.HasSuffix(text, "{") || strings.TrimSpace(text) != "{"):
		return false
	case s.object == nil:
		s.opened = s.line
	case blockStart.MatchString(text) || logStart.MatchString(text) || len(s.object) == objectMost: // it is none
		s.apart()
		return false
	}
	s.object = append(s.object, text)
	indent, _, _ := strings.Cut(s.object[0], "{")
	if end, ok := strings.CutPrefix(text, indent+"}"); ok && len(strings.TrimSpace(end)) < 2 {
		whole := strings.TrimRight(strings.Join(s.object, " "), ",; ")
		if !json.Valid([]byte(whole)) {
			s.apart()
			return true
		}
		last := s.line
		s.line, s.object = s.opened, nil
		s.one(strings.TrimSpace(whole))
		s.line = last
	}
	return true
}

// apart gives the lines of what was no JSON object one by one.
func (s *scanner) apart() {
	all, last := s.object, s.line
	s.object = nil
	for i, text := range all {
		s.line = s.opened + i
		s.lineOf(text)
	}
	s.line = last
}

// heading is the first line of an error page as a browser shows it: the status, or words that stand for one.
var heading = regexp.MustCompile(`(?i)^\W*(?:(?:http |server |proxy |application |database )?(?:error|fehler|erreur|errore|ошибка)\b.{0,60}|[45]\d\d(?:\.\d+)?\b.{0,80}|.{0,40}(?:bad gateway|gateway time-?out|service (?:temporarily )?unavailable|internal server error|server error|application error|error code \d{3}|error \d{3,4}|serverless function).{0,40}|this (?:site|page|web page)\b.{0,40}|(?:secure )?connection failed|unable to connect|fastly error\b.{0,120}|an error (?:has )?occurred\b.{0,60}|(?:whoops|oops|sorry|we['’]re sorry)\b.{0,80}|whitelabel error page)$`)

// isCopy reports whether a whole text is that of an error page, copied without its markup: a heading, and then nothing that a log has.
func isCopy(text string) bool {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if first = strings.TrimRight(first, "\r "); strings.TrimSpace(rest) == "" || !heading.MatchString(first) {
		return false
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n "); line != "" && (blockStart.MatchString(line) || strings.HasPrefix(line, "{")) {
			return false // it is read so already
		}
		if l := ReadLine(line); l.Form != "" || !l.Time.IsZero() && !strings.Contains(line, "UTC") {
			return false
		}
	}
	return true
}

// take takes one line.
func (s *scanner) take(text string) {
	if !s.joined(text) {
		s.lineOf(text)
	}
}

func (s *scanner) lineOf(text string) {
	if s.begun == 0 && len(text) < 4096 && len(text) > 3 && strings.IndexByte("<&hH* \t", text[0]) >= 0 && blockStart.MatchString(text) {
		s.begun = s.line
	}
	if s.begun == 0 {
		s.one(text)
		return
	}
	if !s.copy && len(text) > 20 && logStart.MatchString(text) {
		s.flush()
		s.one(text)
		return
	}
	if s.lines++; s.lines <= blockLines && s.block.Len()+len(text) < blockMost {
		s.block.WriteString(text)
		s.block.WriteByte('\n')
	}
}

func (s *scanner) one(text string) {
	if text != "" {
		l := s.out.add(text)
		l.File, l.Number = s.file, s.line
	}
}

// flush ends a block.
func (s *scanner) flush() {
	s.apart()
	if s.begun == 0 {
		return
	}
	l := ReadPage(s.block.String())
	l.File, l.Number = s.file, s.begun
	s.block.Reset()
	s.begun, s.lines = 0, 0
	*s.out.add("") = *l
}

var (
	answered   = regexp.MustCompile(`(?m)^[ \t]*http/[123](?:\.\d)? (\d{3})`)
	titled     = regexp.MustCompile(`(?:<title>|<h1>|<h2>|error code:? |error |http status |status[":= ]+|http error )\s*(?:[a-z .!|:-]{0,40}?)([345]\d\d)\b`)
	anyStatus  = regexp.MustCompile(`\b(50[0-4]|52\d|530)\b`)
	tags       = regexp.MustCompile(`<[^>]*>`)
	curlMarks  = regexp.MustCompile(`(?m)^(?:\*[ \t]+)?[<*>] ?`)
	statusText = regexp.MustCompile(`bad gateway|gateway time-?out|service (?:temporarily )?unavailable|internal server error`)
)

// ReadPage reads a page, or an answer with its header as curl -i and curl -v show it.
func ReadPage(text string) *Line {
	text = colour.ReplaceAllString(text, "")
	if strings.Contains(text, "< HTTP/") || strings.Contains(text, "* Connected to") || strings.Contains(text, "* Trying") || strings.Contains(text, "*   Trying") {
		text = curlMarks.ReplaceAllString(text, "")
	}
	l := &Line{Text: text, Form: "page", also: "headers"}
	l.low = lower(strings.ReplaceAll(text, "\r", ""))
	switch all := answered.FindAllStringSubmatch(l.low, -1); {
	case len(all) > 0:
		l.Status, _ = strconv.Atoi(all[len(all)-1][1])
	default:
		l.also = "text" // it may be the copy of one
		if m := titled.FindStringSubmatch(l.low); m != nil {
			l.Status, _ = strconv.Atoi(m[1])
		} else if m := anyStatus.FindStringSubmatch(tags.ReplaceAllString(l.low, " ")); m != nil {
			l.Status, _ = strconv.Atoi(m[1])
		} else if m := statusText.FindString(l.low); m != "" {
			l.Status = map[byte]int{'b': 502, 'g': 504, 's': 503, 'i': 500}[m[0]]
		}
	}
	if strings.Contains(l.low, "&#") || strings.Contains(l.low, "&lt;") {
		l.low += "\n" + lower(html.UnescapeString(l.low))
	}
	if l.Status >= 100 && l.Status < 400 { // a healthy one
		l.Form, l.also = "access", ""
	}
	l.Errno = errnoOf(l.low[:min(len(l.low), 8192)])
	l.more()
	return l
}

// har reads the answers of a HAR file that are errors, or are none.
func (s *scanner) har(r io.Reader) error {
	type pair struct{ Name, Value string }
	var h struct {
		Log struct {
			Entries []struct {
				Request  struct{ Method, URL string }
				Response struct {
					Status  int
					Headers []pair
					Content struct{ Text string }
					Error   string `json:"_error"`
				}
			}
		}
	}
	if err := json.NewDecoder(io.LimitReader(r, harMost)).Decode(&h); err != nil {
		return fmt.Errorf("reading it as a HAR file: %w", err)
	}
	for i, e := range h.Log.Entries {
		var b strings.Builder
		fmt.Fprintf(&b, "HTTP/1.1 %d\n", e.Response.Status)
		for _, p := range e.Response.Headers {
			fmt.Fprintf(&b, "%s: %s\n", p.Name, p.Value)
		}
		b.WriteString("\n" + e.Response.Content.Text + e.Response.Error)
		l := ReadPage(b.String())
		if e.Response.Status < 400 && e.Response.Status != 0 {
			l.Form, l.also = "access", ""
		}
		l.File, l.Number, l.Status = s.file, i+1, e.Response.Status
		l.Route = e.Request.Method + " " + path(e.Request.URL)
		*s.out.add("") = *l
	}
	return nil
}
