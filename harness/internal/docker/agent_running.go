package docker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
)

// serves is true once the running program has said that it does what the labs
// start it for.
var serves atomic.Bool

// Serve says that the running program does what an agent does where it is
// started as one. Labs that are started later take it for theirs, so that what
// is compiled into it is there, too.
func Serve() { serves.Store(true) }

// servingProgram returns the running program, built anew if it does not run in
// a lab as it is: as most, which are linked to a C library.
func (e *Engine) servingProgram(ctx context.Context) ([]byte, error) {
	if path, err := os.Executable(); err == nil {
		if program, err := os.ReadFile(path); err == nil && staticLinux(program, e.arch) == nil {
			return program, nil
		}
	}
	fail := func(err error) ([]byte, error) {
		return nil, &AgentError{
			Err:    fmt.Errorf("building this program for the lab, which it is to run in itself: %w", err),
			Remedy: "build it with CGO_ENABLED=0 for Linux on " + e.arch + ", or run it in the folder of its module",
		}
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "" || info.Path == "command-line-arguments" {
		return fail(errors.New("it does not say which package it is: go run takes a package, not files"))
	}
	tool, err := findGo()
	if err != nil {
		return fail(err)
	}
	program, err := builder{tool: tool, arch: e.arch, log: e.log}.again(ctx, info)
	if err != nil {
		return fail(err)
	}
	return program, nil
}

// again builds the program that was built so, for the lab. The go command sees
// whether it has done that before.
func (b builder) again(ctx context.Context, info *debug.BuildInfo) (program []byte, err error) {
	dir, err := cacheDir()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("serving-%s-%.8x", b.arch, sha256.Sum256([]byte(info.Path)))
	file := filepath.Join(dir, name)
	err = locked(ctx, name, b.log, func() error {
		b.log.Info("building " + info.Path + " for the lab")
		if _, err := b.run(ctx, "", nil, againArgs(info, file)...); err != nil {
			return err
		}
		program, err = os.ReadFile(file)
		return err
	})
	if err != nil {
		return nil, err
	}
	return program, staticLinux(program, b.arch)
}

// againArgs are those of the go command that builds such a program.
func againArgs(info *debug.BuildInfo, file string) []string {
	args, target := buildArgs("build"), info.Path
	if pkg, test := strings.CutSuffix(target, ".test"); test {
		args, target = []string{"test", "-c", "-trimpath", "-ldflags=-s -w"}, pkg
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			args = append(args, "-tags="+s.Value)
		}
	}
	return append(args, "-o", file, target)
}
