//go:build linux

package agent

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// repeated is a text without end, after another.
type repeated struct{ first, text string }

func (r *repeated) Read(b []byte) (int, error) {
	if r.first == "" {
		r.first = r.text
	}
	n := copy(b, r.first)
	r.first = r.first[n:]
	return n, nil
}

func TestHeadsHaveABoundAndBodiesNone(t *testing.T) {
	for name, c := range map[string]struct{ first, text string }{
		"one line":      {"HTTP/1.1 200 OK\r\nX: ", "xxxxxxxx"},
		"many lines":    {"HTTP/1.1 200 OK\r\n", "X: x\r\n"},
		"a status line": {"HTTP/1.1 200 ", "OK"},
		"interim heads": {"", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"},
	} {
		if _, _, err := readHead(&repeated{c.first, c.text}, false); !errors.Is(err, errLongHead) {
			t.Errorf("%s without end: %v", name, err)
		}
	}
	const body = 3 * headLimit
	whole := "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", headLimit/2) + "\r\n\r\n" + strings.Repeat("b", body)
	resp, _, err := readHead(strings.NewReader(whole), false)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != body || err != nil {
		t.Errorf("%d bytes of the body, %v", n, err)
	}
	if _, _, err = readHead(strings.NewReader("no HTTP\r\n\r\n"), false); err == nil || howItEnded(err) != "garbled" {
		t.Errorf("what is no HTTP: %v", err)
	}
}
