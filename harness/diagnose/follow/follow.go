// Package follow reads logs as they grow, through rotation, as tail -F does.
package follow

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
)

// every is how often files are looked at.
const every = 250 * time.Millisecond

// longest is how much of a line is kept.
const longest = 64 << 10

// Events are what a follower calls, one after the other.
type Events struct {
	// Line is called with each whole line.
	Line func(*diagnose.Line)
	// Rest is called when there is nothing more for now, four times a second.
	Rest func()
	// Say is told what somebody who waits for lines should know: a file that is not there yet.
	Say func(string)
}

// Files follows files until ctx ends, by name: one that is moved away and made anew is followed on, and so is one that is emptied and
// written again. It begins at their ends, or at their beginnings where whole is true. The name "-" stands for stdin, which is read from its
// beginning; when it alone is followed, its end is the end. A file need not be there yet; the error says of a name that it can't be followed.
func Files(ctx context.Context, names []string, stdin io.Reader, whole bool, e Events) error {
	var all []*file
	var lines <-chan string
	for _, name := range names {
		if name == "-" {
			if lines == nil {
				lines = linesOf(ctx, stdin)
			}
			continue
		}
		f := &file{name: name, events: e}
		defer f.close()
		switch err := f.open(); {
		case errors.Is(err, fs.ErrNotExist):
			if _, missing := os.Stat(filepath.Dir(name)); missing != nil { // nothing will come there
				return err
			}
			e.Say(name + " is not there yet: it is waited for")
		case err != nil:
			return err
		case !whole:
			if err := f.toEnd(); err != nil {
				return err
			}
		}
		all = append(all, f)
	}
	look := time.NewTicker(every)
	defer look.Stop()
	for n := 0; ; {
		for _, f := range all {
			if err := f.poll(ctx); err != nil {
				return err
			}
		}
		e.Rest()
	wait:
		for {
			select {
			case text, more := <-lines:
				if !more {
					if lines = nil; len(all) == 0 {
						return nil
					}
					continue
				}
				n++
				emit(e, text, "-", n)
			case <-look.C:
				break wait
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func emit(e Events, text, name string, number int) {
	if text == "" {
		return
	}
	l := diagnose.ReadLine(text)
	l.File, l.Number = name, number
	if l.Text != "" {
		e.Line(l)
	}
}

// linesOf reads lines until there are no more. Whoever waits for a reader that gives nothing can't be ended: it is left behind.
func linesOf(ctx context.Context, r io.Reader) <-chan string {
	lines := make(chan string, 256)
	go func() {
		defer close(lines)
		in := bufio.NewReaderSize(r, longest)
		for {
			text, err := in.ReadSlice('\n')
			line := string(bytes.TrimRight(text, "\r\n"))
			for err == bufio.ErrBufferFull {
				_, err = in.ReadSlice('\n')
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

// A file is one that is followed.
type file struct {
	name   string
	events Events

	f      *os.File // nil while it is not there
	at     int64    // how far it is read
	number int      // of the last line; -1 where they were not counted from the beginning
	part   []byte   // of a line whose end has not come
	before []byte   // the last bytes that were read
}

func (f *file) close() {
	if f.f != nil {
		f.f.Close()
	}
}

// open opens what has the name now, to be read from its beginning.
func (f *file) open() error {
	info, err := os.Stat(f.name) // a pipe would wait for its writer
	if err != nil {
		return fmt.Errorf("follow a log: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("follow %s: it is no file; pipe what writes it into badgateway diagnose --follow -", f.name)
	}
	opened, err := os.Open(f.name)
	if err != nil {
		return fmt.Errorf("follow a log: %w", err)
	}
	f.close()
	f.f = opened
	f.again()
	return nil
}

// again begins with the file's first byte.
func (f *file) again() { f.at, f.number, f.part, f.before = 0, 0, nil, nil }

// marked is how many bytes are remembered to know a file again.
const marked = 256

// toEnd passes over what is there, up to the beginning of its last line if that has no end yet.
func (f *file) toEnd() error {
	info, err := f.f.Stat()
	if err != nil {
		return fmt.Errorf("follow a log: %w", err)
	}
	tail := make([]byte, min(info.Size(), longest))
	n, err := f.f.ReadAt(tail, info.Size()-int64(len(tail)))
	if err != nil && err != io.EOF {
		return fmt.Errorf("follow %s: %w", f.name, err)
	}
	end := bytes.LastIndexByte(tail[:n], '\n') + 1
	if f.at = info.Size() - int64(len(tail)) + int64(end); f.at > 0 {
		f.number = -1
	}
	f.remember(tail[:end])
	return nil
}

func (f *file) remember(read []byte) {
	f.before = append(f.before, read[max(0, len(read)-marked):]...)
	f.before = bytes.Clone(f.before[max(0, len(f.before)-marked):])
}

// poll reads what has come, and what has taken the file's place.
func (f *file) poll(ctx context.Context) error {
	if f.f == nil {
		if err := f.open(); err != nil {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
				return nil
			}
			return err
		}
		f.events.Say(f.name + " is there now")
	}
	if f.emptied() {
		f.again()
	}
	if err := f.read(ctx); err != nil {
		return err
	}
	now, err := os.Stat(f.name)
	if err != nil || !now.Mode().IsRegular() {
		return nil // between two of its names
	}
	if was, err := f.f.Stat(); err != nil || os.SameFile(was, now) {
		return nil
	}
	if err := f.read(ctx); err != nil { // what came before the new one was made
		return err
	}
	f.end()
	if err := f.open(); err != nil {
		return nil // not to be read yet: the next look tries again
	}
	return f.read(ctx)
}

// emptied reports whether the file was cut, as logrotate's copytruncate does: it is shorter than what was read, or other bytes stand there.
func (f *file) emptied() bool {
	info, err := f.f.Stat()
	if err != nil || info.Size() == f.at {
		return false
	}
	if info.Size() < f.at {
		return true
	}
	now := make([]byte, len(f.before))
	_, err = f.f.ReadAt(now, f.at-int64(len(f.before)))
	return err == nil && !bytes.Equal(now, f.before)
}

// read reads up to the file's end.
func (f *file) read(ctx context.Context) error {
	buffer := make([]byte, longest)
	for ctx.Err() == nil {
		n, err := f.f.ReadAt(buffer, f.at)
		f.at += int64(n)
		f.remember(buffer[:n])
		f.lines(buffer[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow %s: %w", f.name, err)
		}
	}
	return nil
}

// lines takes what was read, and gives the lines that have their end.
func (f *file) lines(text []byte) {
	for {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		f.part = append(f.part, line[:min(len(line), longest-len(f.part))]...)
		if !whole {
			return
		}
		f.end()
		text = rest
	}
}

// end gives the line under way.
func (f *file) end() {
	if f.number >= 0 {
		f.number++
	}
	emit(f.events, string(bytes.TrimRight(f.part, "\r")), f.name, max(f.number, 0))
	f.part = f.part[:0]
}
