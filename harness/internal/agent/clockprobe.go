//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// probeAhead is how far the clock is moved for a look: to another year, which no log line has by chance.
const probeAhead = 8 * 366 * 24 * time.Hour

// clockOf says why the program's clock cannot be moved in this container; empty when it can, and the program has said so
// itself, by a line with the moved time.
func clockOf(ctx context.Context, spec agentapi.ClockSpec) (taken agentapi.ClockTaken, err error) {
	if _, err := os.Stat(agentapi.FaketimeAt); err != nil {
		return agentapi.ClockTaken{Why: "libfaketime was not brought along"}, nil
	}
	for _, f := range spec.Files {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			return taken, err
		}
		defer func() { _ = os.RemoveAll(filepath.Dir(f.Path)) }()
		if err := os.WriteFile(f.Path, []byte(f.Data), 0o644); err != nil {
			return taken, err
		}
	}
	// The way by which a sandbox's clock is moved: the program finds the time in the file.
	if err := os.WriteFile(faketimerc, fmt.Appendf(nil, "+%d\n", int(probeAhead.Seconds())), 0o644); err != nil {
		return taken, fmt.Errorf("moving the clock for a look: %w", err)
	}
	defer func() {
		if e := os.WriteFile(faketimerc, []byte("+0\n"), 0o644); e != nil {
			err = errors.Join(err, fmt.Errorf("moving the clock back after a look: %w", e))
		}
	}()
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := command(limited, spec.Argv)
	cmd.Env = underClock(imageEnv())
	said, told, err := saysTime(limited, cmd, time.Now().Add(probeAhead))
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	switch {
	case err != nil:
		return taken, fmt.Errorf("looking for the time that %s takes it to be: %w", spec.Argv[0], err)
	case told:
		return taken, nil
	}
	taken = unmovable(cmd.Path, agentapi.FaketimeAt)
	taken.Why = cmp.Or(taken.Why, fmt.Sprintf("%s does not take it from libfaketime: %s", spec.Argv[0], lastLine(said)))
	return taken, nil
}

// underClock is an environment that makes a program obey the clock of its sandbox. What the image preloads itself comes after.
func underClock(env []string) []string {
	library := agentapi.FaketimeAt
	for _, v := range env {
		if own, ok := strings.CutPrefix(v, "LD_PRELOAD="); ok && own != "" {
			library = agentapi.FaketimeAt + ":" + own
		}
	}
	return append(env, "LD_PRELOAD="+library, "FAKETIME_NO_CACHE=1")
}

// saysTime runs a program until it has said that time, or has ended, or has said all that it says at its start, or until ctx ends.
func saysTime(ctx context.Context, cmd *exec.Cmd, at time.Time) (said string, told bool, err error) {
	out, in, err := os.Pipe()
	if err != nil {
		return "", false, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	err = children.start(cmd)
	in.Close()
	if err != nil {
		return "", false, err
	}
	defer func() { _ = children.wait(cmd) }() // it was killed
	defer func() { _ = cmd.Cancel() }()
	defer context.AfterFunc(ctx, func() { _ = out.SetReadDeadline(time.Unix(1, 0)) })()
	var all strings.Builder
	lines := bufio.NewReader(io.LimitReader(out, tailBytes))
	for {
		line, err := lines.ReadString('\n')
		all.WriteString(line)
		// A day off, for the program's time zone may be another than this one's.
		for _, year := range []int{at.AddDate(0, 0, -1).Year(), at.AddDate(0, 0, 1).Year()} {
			if strings.Contains(line, fmt.Sprint(year)) {
				return all.String(), true, nil
			}
		}
		if err != nil {
			return all.String(), false, nil
		}
	}
}

func lastLine(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return cmp.Or(lines[len(lines)-1], "it said nothing")
}

// unmovable says why a program can take nothing from a library that is preloaded; empty when their files do not show it.
func unmovable(path, library string) agentapi.ClockTaken {
	loader, ok := loaderOf(path)
	switch {
	case !ok:
		return agentapi.ClockTaken{}
	case loader == "":
		return agentapi.ClockTaken{Why: path + " is a static program, which loads no library"}
	case strings.Contains(loader, "musl") && !forMusl(library):
		return agentapi.ClockTaken{Why: path + " is built for musl, and libfaketime for glibc", Musl: true}
	}
	return agentapi.ClockTaken{}
}

// loaderOf is the program that loads a program's libraries, empty for one that is static; false for what is no program.
func loaderOf(path string) (loader string, ok bool) {
	f, err := elf.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(p.Open())
			return string(bytes.TrimRight(name, "\x00")), err == nil
		}
	}
	return "", true
}

// forMusl reports whether a library is built for musl, whose libc is a file without a version in its name.
func forMusl(library string) bool {
	f, err := elf.Open(library)
	if err != nil {
		return false
	}
	defer f.Close()
	needs, err := f.ImportedLibraries()
	return err == nil && slices.Contains(needs, "libc.so")
}

// preloaded reports whether a process that runs has taken libfaketime; true where the kernel does not tell.
func preloaded(pid int) bool {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	return err != nil || strings.Contains(string(maps), agentapi.FaketimeAt)
}
