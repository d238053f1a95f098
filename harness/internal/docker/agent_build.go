package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// builder makes the agent with the go command.
type builder struct {
	tool string // the go command
	arch string // the engine's architecture
	log  *slog.Logger
}

// goModule is what `go list -m` tells of a module, as far as it matters here.
type goModule struct {
	Path, Version, Dir string
	Replace            *goModule
}

// findGo returns the go command. Below go test it is always on the PATH.
func findGo() (string, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("this program can't serve itself, and there is no go command to build one that can")
	}
	return path, nil
}

// module returns where our module lies as seen from the current folder.
func (b builder) module(ctx context.Context) (goModule, error) {
	out, err := b.run(ctx, "", nil, "list", "-m", "-json", modulePath)
	if err != nil {
		return goModule{}, err
	}
	var m goModule
	if err := json.Unmarshal(out, &m); err != nil {
		return goModule{}, err
	}
	if m.Replace != nil {
		m.Dir, m.Version = m.Replace.Dir, ""
	}
	return m, nil
}

// fromFolder builds the program in the module's own folder: there its own
// go.sum holds, as that of a module which only imports the harness need not
// cover all that the program needs.
func (b builder) fromFolder(ctx context.Context, m goModule) ([]byte, error) {
	name := m.Version
	if name == "" {
		sum, err := b.fingerprint(ctx, m.Dir)
		if err != nil {
			return nil, &AgentError{Err: err, Remedy: agentRemedy(b.arch)}
		}
		name = "source-" + sum
	}
	return b.cached(ctx, name, func(to string) error {
		b.log.Info("building the lab's Linux program")
		_, err := b.run(ctx, m.Dir, []string{"GOWORK=off"}, append(buildArgs("build"), "-o", to, agentPackage)...)
		return err
	})
}

// fromVersion builds the program from a published version.
func (b builder) fromVersion(ctx context.Context, version string) ([]byte, error) {
	return b.cached(ctx, version, func(to string) error {
		b.log.Info("building the lab's Linux program, version " + version)
		out, err := b.run(ctx, "", nil, "env", "GOMODCACHE")
		if err != nil {
			return err
		}
		// Of a program for another system, go install chooses the place itself:
		// below GOPATH. So that is a folder of our own, but not for modules.
		gopath, remove, err := TempDir("", "badgateway-*")
		if err != nil {
			return err
		}
		defer remove()
		env := []string{"GOWORK=off", "GOPATH=" + gopath, "GOBIN=", "GOMODCACHE=" + strings.TrimSpace(string(out))}
		if _, err := b.run(ctx, gopath, env, append(buildArgs("install"), agentPackage+"@"+version)...); err != nil {
			return err
		}
		name := path.Base(agentPackage)
		found, _ := filepath.Glob(filepath.Join(gopath, "bin", name))
		cross, _ := filepath.Glob(filepath.Join(gopath, "bin", "linux_*", name))
		if found = append(found, cross...); len(found) == 0 {
			return errors.New("go install left no program")
		}
		program, err := os.ReadFile(found[0])
		if err != nil {
			return err
		}
		return os.WriteFile(to, program, 0o755)
	})
}

func buildArgs(verb string) []string {
	return []string{verb, "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
}

// cached returns the program filed under that name, after having it made if
// there is none. Processes that want the same wait for one another.
func (b builder) cached(ctx context.Context, name string, make func(to string) error) (program []byte, err error) {
	fail := func(err error) ([]byte, error) {
		return nil, &AgentError{Err: err, Remedy: agentRemedy(b.arch)}
	}
	dir, err := cacheDir()
	if err != nil {
		return fail(err)
	}
	file := filepath.Join(dir, "agent-"+b.arch+"-"+name)
	if program, err := os.ReadFile(file); err == nil {
		return program, nil
	}
	err = locked(ctx, "agent-"+b.arch, b.log, func() error {
		if program, err = os.ReadFile(file); err == nil {
			return nil
		}
		work, remove, err := TempDir(dir, ".agent-*")
		if err != nil {
			return err
		}
		defer remove()
		made := filepath.Join(work, "agent")
		if err := make(made); err != nil {
			return err
		}
		if program, err = os.ReadFile(made); err != nil {
			return err
		}
		if err := staticLinux(program, b.arch); err != nil {
			return err
		}
		b.forget(dir)
		return writeFile(file, program, 0o755)
	})
	if err != nil {
		return fail(err)
	}
	return program, nil
}

// forget removes programs built from earlier states of a source tree, all but
// the newest few: each has some ten megabytes.
func (b builder) forget(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, "agent-"+b.arch+"-source-*"))
	age := map[string]time.Duration{}
	for _, file := range old {
		if info, err := os.Stat(file); err == nil {
			age[file] = time.Since(info.ModTime())
		}
	}
	slices.SortFunc(old, func(a, b string) int { return cmp.Compare(age[a], age[b]) })
	for _, file := range old[min(3, len(old)):] {
		_ = os.Remove(file) // another may be at it
	}
}

// run runs the go command in a folder, "" for the current one, for the
// engine's system and with settings of its own: what the user's flags ask of
// his own builds (-race, -mod=vendor) would break this one.
func (b builder) run(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.tool, args...)
	cmd.Dir = dir
	flags := ""
	if args[0] == "build" {
		flags = "-mod=readonly"
	}
	if strings.Contains(os.Getenv("GOFLAGS"), "-modcacherw") {
		flags += " -modcacherw" // about the user's folders, so his to say
	}
	cmd.Env = append(append(os.Environ(),
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH="+b.arch, "GOFLAGS="+flags), env...)
	own(cmd)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, lastLines(said.String(), 8))
	}
	return out.Bytes(), nil
}
