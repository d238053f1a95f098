package terminal

import (
	"bufio"
	"errors"
	"io"
	"unicode/utf8"
)

// A Cleaner passes text on as [Clean] makes it, whatever pieces it comes in.
type Cleaner struct {
	to   *bufio.Writer
	held []byte // what can't be judged before more has come: part of a character, a return before a line break
}

// NewCleaner is a Cleaner that passes text on to w.
func NewCleaner(w io.Writer) *Cleaner { return &Cleaner{to: bufio.NewWriterSize(w, 64<<10)} }

// Write passes text on. The error is the other writer's.
func (c *Cleaner) Write(b []byte) (int, error) {
	c.held = append(c.held, b...)
	n := len(c.held)
	for at := n - 1; at >= max(0, n-utf8.UTFMax); at-- {
		if utf8.RuneStart(c.held[at]) {
			if !utf8.FullRune(c.held[at:]) || at == n-1 && c.held[at] == '\r' {
				n = at
			}
			break
		}
	}
	_, err := c.to.WriteString(Clean(string(c.held[:n])))
	c.held = append(c.held[:0], c.held[n:]...)
	return len(b), err
}

// Flush passes on what was held back. The error is the other writer's.
func (c *Cleaner) Flush() error {
	_, err := c.to.WriteString(Clean(string(c.held)))
	c.held = nil
	return errors.Join(err, c.to.Flush())
}
