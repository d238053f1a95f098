package main

import (
	"log"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/badgateway/badgateway/harness/terminal"
)

// An output is the only way out of this program: all that it prints goes through one, so that nothing untrusted reaches the
// terminal or a CI system's log as it came.
type output struct {
	*terminal.Writer
	file file
}

// The outputs are those of standard output and standard error. No other code of the command names the two files.
var (
	stdout = newOutput(os.Stdout, 0)
	stderr = newOutput(os.Stderr, 16<<10)
)

func newOutput(f *os.File, longestLine int) *output {
	d := &output{file: file{File: f}}
	d.Writer = terminal.NewWriter(&d.file)
	d.Long, d.Colour = longestLine, term.IsTerminal(int(f.Fd()))
	return d
}

// Fd lets a terminal be known as one.
func (d *output) Fd() uintptr { return d.file.Fd() }

// close passes on what was held back. It does not wait for long for one who does not read: the program ends all the same.
func (d *output) close() {
	done := make(chan struct{})
	go func() {
		d.Flush()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

// writeError is the first error of writing: a result that is lost, on a full disk, must not pass for one.
func (d *output) writeError() error {
	if err := d.file.err.Load(); err != nil {
		return *err
	}
	return nil
}

// file keeps its first error.
type file struct {
	*os.File
	err atomic.Pointer[error]
}

func (f *file) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	if err != nil {
		f.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

func init() { log.SetOutput(stderr) } // libraries write there
