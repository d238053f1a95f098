package hostfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write writes a file whole or not at all: what fails leaves what was there before. A link of that name is replaced, and
// what it leads to stays as it is.
//
// It is written beside its place first, under a name of its own, so that what a kill leaves there the next one removes.
func Write(name string, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	aside := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".new")
	_ = os.Remove(aside)
	f, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return named(name, err)
	}
	_, err = f.Write(text.Bytes())
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(aside, name)
	}
	if err != nil {
		_ = os.Remove(aside)
	}
	return named(name, err)
}

// Folder makes a folder for what is to be written, and finds out whether it can be. What there is of its path may lead out
// of a git repository no more than what is read: see [Place].
func Folder(name string) error {
	for there := filepath.Clean(name); ; there = filepath.Dir(there) {
		_, err := os.Lstat(there)
		if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) && there != filepath.Dir(there) {
			continue
		}
		if _, err := Place(there); err != nil {
			return err
		}
		break
	}
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	trial, err := os.CreateTemp(name, ".badgateway-*")
	if err != nil {
		return err
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}
