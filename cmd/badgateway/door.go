package main

import (
	"log"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/badgateway/badgateway/harness/terminal"
)

// A door is the only way out of this program: all that it prints goes through one, so that nothing of a stranger's reaches the
// terminal or a CI system's log as it came.
type door struct {
	*terminal.Writer
	file file
}

// The doors of standard output and standard error. No other code of the command names the two files.
var (
	stdout = newDoor(os.Stdout, 0)
	stderr = newDoor(os.Stderr, 16<<10)
)

func newDoor(f *os.File, longestLine int) *door {
	d := &door{file: file{File: f}}
	d.Writer = terminal.NewWriter(&d.file)
	d.Long, d.Colour = longestLine, term.IsTerminal(int(f.Fd()))
	return d
}

// Fd lets a terminal be known as one.
func (d *door) Fd() uintptr { return d.file.Fd() }

// close passes on what was held back. It does not wait for long for one who does not read: the program ends all the same.
func (d *door) close() {
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

// lost is the first error of writing: a result that is lost, on a full disk, must not pass for one.
func (d *door) lost() error {
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
