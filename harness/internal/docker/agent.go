package docker

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

const (
	modulePath = "github.com/badgateway/badgateway"
	// agentVariable names a ready program to take instead of all others.
	agentVariable = "BADGATEWAY_AGENT"
)

// agentPackage is the program that becomes a container's init.
var agentPackage = modulePath + "/cmd/badgateway"

// Agent returns the project's own program as a static Linux binary for the
// engine's architecture. It is, in this order:
//
//   - the file that $BADGATEWAY_AGENT names;
//   - the running program, if it is one: an installed badgateway on Linux;
//   - the running program, if it has said so (Serve), built with the go
//     command unless it runs in a lab as it is;
//   - built with the go command from the module that the current folder is in
//     or depends on: so a Go test needs no step before it;
//   - built with the go command from the folder that the running program was
//     built in, if that is still there;
//   - built with the go command at the version the running program was built
//     from: an installed badgateway on macOS or Windows.
//
// It is made once a process, and is cheap where nothing has changed since it
// was last made on this machine. Callers must not change the bytes. The error
// is an *AgentError.
func (e *Engine) Agent(ctx context.Context) ([]byte, error) {
	return e.agent.Get(ctx, e.findAgent)
}

func (e *Engine) findAgent(ctx context.Context) ([]byte, error) {
	if path := os.Getenv(agentVariable); path != "" {
		return agentFrom(path, e.arch)
	}
	if program := runningProgram(e.arch); program != nil {
		return program, nil
	}
	if serves.Load() && !isCommand() {
		return e.servingProgram(ctx)
	}
	tool, err := findGo()
	if err != nil {
		return nil, &AgentError{Err: err, Remedy: agentRemedy(e.arch)}
	}
	b := builder{tool: tool, arch: e.arch, log: e.log}
	m, err := b.module(ctx)
	if err == nil && m.Dir != "" {
		return b.fromFolder(ctx, m)
	}
	if dir := builtIn(); dir != "" {
		return b.fromFolder(ctx, goModule{Dir: dir})
	}
	if v := m.Version; v != "" { // vendored: known, but without its commands
		return b.fromVersion(ctx, v)
	}
	if v := builtVersion(); v != "" {
		return b.fromVersion(ctx, v)
	}
	if err == nil {
		err = errors.New("its source is not here")
	}
	return nil, &AgentError{Err: err, Remedy: agentRemedy(e.arch)}
}

// agentFrom reads the program the user named, and proves it fit: in the lab
// an unfit one would fail with a message that explains nothing.
func agentFrom(path, arch string) ([]byte, error) {
	program, err := os.ReadFile(path)
	if err == nil {
		err = staticLinux(program, arch)
	}
	if err != nil {
		return nil, &AgentError{
			Err:    fmt.Errorf("$%s, %s: %w", agentVariable, path, err),
			Remedy: "correct or unset it",
		}
	}
	return program, nil
}

// runningProgram returns the running program if it can serve as the agent: it
// is our command, and runs on the engine as it is. Else nil.
func runningProgram(arch string) []byte {
	if runtime.GOOS != "linux" || runtime.GOARCH != arch {
		return nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	return programIfAgent(path, arch)
}

// isCommand reports whether the running program is our command.
func isCommand() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && info.Path == agentPackage
}

// programIfAgent reads a program if it is our command and runs on any Linux of
// that architecture, else nil.
func programIfAgent(path, arch string) []byte {
	info, err := buildinfo.ReadFile(path)
	if err != nil || info.Path != agentPackage {
		return nil
	}
	program, err := os.ReadFile(path)
	if err != nil || staticLinux(program, arch) != nil {
		return nil
	}
	return program
}

// builtIn returns the folder of our module that the running program was built
// in, "" where it is gone, or the program does not say.
func builtIn() string {
	_, file, _, _ := runtime.Caller(0)
	return moduleAbove(file)
}

// moduleAbove returns the folder of our module that a file is in, "" for none.
func moduleAbove(file string) string {
	if !filepath.IsAbs(file) { // built with -trimpath
		return ""
	}
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
			if slices.Contains(strings.Split(string(text), "\n"), "module "+modulePath) {
				return dir
			}
			return ""
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// builtVersion returns the version of our module that the running program was
// built from, "" where that is no published one.
func builtVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return publishedVersion(info)
}

func publishedVersion(info *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == modulePath && m.Replace == nil && publishable(m.Version) {
			return m.Version
		}
	}
	return ""
}

// publishable reports whether a version is one that can be fetched again: not
// (devel), and not of a working tree with changes.
func publishable(version string) bool {
	return strings.HasPrefix(version, "v") && !strings.Contains(version, "+dirty")
}

// agentRemedy tells how to make the program by hand.
func agentRemedy(arch string) string {
	info, _ := debug.ReadBuildInfo()
	if info != nil && info.Path == agentPackage && runtime.GOOS == "linux" && runtime.GOARCH == arch {
		return reinstall(publishedVersion(info))
	}
	return fmt.Sprintf("build it with `CGO_ENABLED=0 GOOS=linux GOARCH=%s go build -o badgateway-agent %s` in a module that requires %s, and set %s to its path",
		arch, agentPackage, modulePath, agentVariable)
}

// reinstall tells how to install the command so that it can serve itself.
func reinstall(version string) string {
	if version == "" {
		return "reinstall with `CGO_ENABLED=0 go install ./cmd/badgateway` in its checkout: built so, it runs in the lab itself"
	}
	return fmt.Sprintf("reinstall with `CGO_ENABLED=0 go install %s@%s`: built so, it runs in the lab itself", agentPackage, version)
}
