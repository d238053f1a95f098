package docker

import (
	"archive/zip"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

const (
	otherModule = "example.com/other"
	otherMain   = "package main\n\nfunc main() { println(\"other\") }\n"
)

// compile builds a small program with the given settings and returns its path.
func compile(t *testing.T, env ...string) string {
	t.Helper()
	dir := t.TempDir()
	writeModule(t, dir)
	cmd := exec.Command("go", "build", "-o", "program", "./cmd/other")
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=", "GOWORK=off"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %s", err, out)
	}
	return filepath.Join(dir, "program")
}

func writeModule(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"go.mod":            "module " + otherModule + "\n\ngo 1.24\n",
		"cmd/other/main.go": otherMain,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// otherAgent makes the small program be the agent for one test.
func otherAgent(t *testing.T) {
	was := agentPackage
	agentPackage = otherModule + "/cmd/other"
	t.Cleanup(func() { agentPackage = was })
}

func TestOnlyAStaticLinuxProgramOfTheArchitectureServes(t *testing.T) {
	g := NewWithT(t)
	read := func(path string) []byte {
		program, err := os.ReadFile(path)
		g.Expect(err).NotTo(HaveOccurred())
		return program
	}
	static := read(compile(t, "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"))
	g.Expect(staticLinux(static, "arm64")).To(Succeed())
	g.Expect(staticLinux(static, "amd64")).To(MatchError(ContainSubstring("the engine runs amd64")))
	bsd := bytes.Clone(static)
	bsd[elf.EI_OSABI] = byte(elf.ELFOSABI_FREEBSD)
	g.Expect(staticLinux(bsd, "arm64")).To(MatchError(ContainSubstring("not for Linux")))
	g.Expect(staticLinux([]byte("#!/bin/sh\n"), "amd64")).To(MatchError(ContainSubstring("not a Linux program")))
	g.Expect(staticLinux(nil, "amd64")).NotTo(Succeed())
	if path, err := exec.LookPath("ls"); err == nil && runtime.GOOS == "linux" {
		ls := read(path)
		f, err := elf.NewFile(bytes.NewReader(ls))
		g.Expect(err).NotTo(HaveOccurred())
		if libs, _ := f.ImportedLibraries(); len(libs) > 0 {
			g.Expect(staticLinux(ls, runtime.GOARCH)).To(MatchError(ContainSubstring("CGO_ENABLED=0")))
		}
	}
}

func TestTheProgramTheUserNamesIsTakenOrRefused(t *testing.T) {
	g := NewWithT(t)
	e := &Engine{arch: "arm64", log: logger(t)}
	path := compile(t, "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	t.Setenv(agentVariable, path)
	program, err := e.Agent(context.Background())
	g.Expect(err).NotTo(HaveOccurred())
	want, _ := os.ReadFile(path)
	g.Expect(bytes.Equal(program, want)).To(BeTrue())

	for _, c := range []struct{ path, says string }{
		{path, "the engine runs amd64"},
		{path + "-none", "no such file"},
	} {
		t.Setenv(agentVariable, c.path)
		_, err = (&Engine{arch: "amd64", log: logger(t)}).Agent(context.Background())
		var no *AgentError
		g.Expect(errors.As(err, &no)).To(BeTrue(), "%v", err)
		g.Expect(err.Error()).To(And(ContainSubstring(agentVariable), ContainSubstring(c.path), ContainSubstring(c.says)))
	}
}

func TestARunningProgramServesIfItIsOurs(t *testing.T) {
	g := NewWithT(t)
	path := compile(t, "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	g.Expect(programIfAgent(path, "arm64")).To(BeNil(), "another program")
	otherAgent(t)
	g.Expect(programIfAgent(path, "arm64")).NotTo(BeNil())
	g.Expect(programIfAgent(path, "amd64")).To(BeNil())
	self, err := os.Executable()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(programIfAgent(self, "amd64")).To(BeNil(), "a test program")
}

func TestAProgramThatServesIsBuiltAsItWas(t *testing.T) {
	g := NewWithT(t)
	of := func(path string, settings ...debug.BuildSetting) string {
		return strings.Join(againArgs(&debug.BuildInfo{Path: path, Settings: settings}, "to"), " ")
	}
	g.Expect(of("a/cmd/b")).To(Equal("build -trimpath -buildvcs=false -ldflags=-s -w -o to a/cmd/b"))
	g.Expect(of("a/b.test", debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"}, debug.BuildSetting{Key: "-tags", Value: "x,y"})).
		To(Equal("test -c -trimpath -ldflags=-s -w -tags=x,y -o to a/b"))
}

func TestTheAgentIsBuiltFromTheModuleAtHand(t *testing.T) {
	g := NewWithT(t)
	ownCache(t)
	t.Setenv("GOFLAGS", "-race -mod=mod") // what a user's own build wants is not for ours
	otherAgent(t)
	dir := t.TempDir()
	writeModule(t, dir)
	said := 0
	b := builder{tool: "go", arch: "arm64", log: slog.New(told(func(string) { said++ }))}
	build := func() []byte {
		program, err := b.fromFolder(context.Background(), goModule{Dir: dir})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(staticLinux(program, "arm64")).To(Succeed())
		return program
	}
	first := build()
	g.Expect(bytes.Equal(build(), first)).To(BeTrue())
	g.Expect(said).To(Equal(1), "unchanged, it is built once")

	main := filepath.Join(dir, "cmd", "other", "main.go")
	g.Expect(os.WriteFile(main, []byte("package main\n\nfunc main() { println(\"changed\") }\n"), 0o644)).To(Succeed())
	g.Expect(bytes.Contains(build(), []byte("changed"))).To(BeTrue())
	g.Expect(said).To(Equal(2))

	g.Expect(os.WriteFile(main, []byte("package main\n\nfunc main() { nonsense }\n"), 0o644)).To(Succeed())
	_, err := b.fromFolder(context.Background(), goModule{Dir: dir})
	g.Expect(err).To(MatchError(And(ContainSubstring("nonsense"), ContainSubstring("CGO_ENABLED=0"))))
}

func TestTheAgentIsBuiltFromAPublishedVersion(t *testing.T) {
	g := NewWithT(t)
	// A module proxy in a folder, so that the test asks nobody.
	proxy := filepath.Join(t.TempDir(), "proxy")
	at := filepath.Join(proxy, otherModule, "@v")
	g.Expect(os.MkdirAll(at, 0o755)).To(Succeed())
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, text := range map[string]string{"go.mod": "module " + otherModule + "\n", "cmd/other/main.go": otherMain} {
		w, err := z.Create(otherModule + "@v1.2.3/" + name)
		g.Expect(err).NotTo(HaveOccurred())
		_, _ = w.Write([]byte(text))
	}
	g.Expect(z.Close()).To(Succeed())
	for name, text := range map[string]string{
		"list": "v1.2.3\n", "v1.2.3.info": `{"Version":"v1.2.3"}`,
		"v1.2.3.mod": "module " + otherModule + "\n", "v1.2.3.zip": archive.String(),
	} {
		g.Expect(os.WriteFile(filepath.Join(at, name), []byte(text), 0o644)).To(Succeed())
	}
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(proxy))
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw") // else the test can't remove it
	t.Setenv("GOBIN", t.TempDir())
	ownCache(t)
	otherAgent(t)
	for _, arch := range []string{"amd64", "arm64"} { // one of them is another than this machine's
		b := builder{tool: "go", arch: arch, log: logger(t)}
		program, err := b.fromVersion(context.Background(), "v1.2.3")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(staticLinux(program, arch)).To(Succeed())
	}
	_, err := builder{tool: "go", arch: "amd64", log: logger(t)}.fromVersion(context.Background(), "v9.9.9")
	g.Expect(err).To(MatchError(And(ContainSubstring("v9.9.9"), ContainSubstring(agentVariable))))
}

func TestTheFolderThatTheProgramWasBuiltInIsFound(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "harness", "engine", "agent.go")
	g.Expect(os.MkdirAll(filepath.Dir(file), 0o755)).To(Succeed())
	g.Expect(moduleAbove(file)).To(BeEmpty(), "no module")
	g.Expect(os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+modulePath+"\n\ngo 1.24\n"), 0o644)).To(Succeed())
	g.Expect(moduleAbove(file)).To(Equal(dir))
	g.Expect(os.WriteFile(filepath.Join(dir, "harness", "go.mod"), []byte("module "+otherModule+"\n"), 0o644)).To(Succeed())
	g.Expect(moduleAbove(file)).To(BeEmpty(), "another module's")
	g.Expect(moduleAbove(modulePath+"/harness/internal/docker/agent.go")).To(BeEmpty(), "built with -trimpath")
	g.Expect(reinstall("")).To(ContainSubstring("CGO_ENABLED=0 go install ./cmd/badgateway"))
	g.Expect(reinstall("v1.2.3")).To(ContainSubstring("CGO_ENABLED=0 go install " + agentPackage + "@v1.2.3"))
}

func TestOnlyAPublishedVersionCanBeFetchedAgain(t *testing.T) {
	g := NewWithT(t)
	ours := func(version string) debug.Module { return debug.Module{Path: modulePath, Version: version} }
	dependency := ours("v0.3.1")
	replaced := ours("v0.3.1")
	replaced.Replace = &debug.Module{Path: "../badgateway"}
	g.Expect(publishedVersion(&debug.BuildInfo{Main: ours("v0.2.0")})).To(Equal("v0.2.0"))
	g.Expect(publishedVersion(&debug.BuildInfo{Main: ours("(devel)")})).To(BeEmpty())
	g.Expect(publishedVersion(&debug.BuildInfo{Main: ours("v0.2.0+dirty")})).To(BeEmpty())
	g.Expect(publishedVersion(&debug.BuildInfo{Deps: []*debug.Module{&dependency}})).To(Equal("v0.3.1"))
	g.Expect(publishedVersion(&debug.BuildInfo{Deps: []*debug.Module{&replaced}})).To(BeEmpty())
}
