//go:build linux

package agent

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A program that is waited for by the wrong one ends "without an exit code".
func TestTheReaperLeavesOurChildrenAlone(t *testing.T) {
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 250 {
				out, err := children.run(t.Context(), "/bin/sh", "-c", "echo said; exit 3")
				var code *exec.ExitError
				if code, _ = err.(*exec.ExitError); code == nil || code.ExitCode() != 3 || out != "said" {
					t.Errorf("it ended with %v, and said %q", err, out)
					return
				}
			}
		})
	}
	all.Wait()
}

// The look at a program's clock, with orphans coming to the reaper meanwhile.
func TestALookAtTheClockIsTheSameEachTime(t *testing.T) {
	year := time.Now().AddDate(0, 0, 100)
	for i := range 300 {
		if _, err := children.run(t.Context(), "/bin/sh", "-c", "true & true &"); err != nil {
			t.Fatal(err)
		}
		cmd := command(t.Context(), []string{"/bin/sh", "-c", "echo first; echo " + year.Format("2006/01/02") + " second; exec sleep 1000"})
		said, told, err := saysTime(t.Context(), cmd, year)
		if err != nil || !told || !strings.Contains(said, "first") {
			t.Fatalf("look %d: told %v, error %v, said %q", i, told, err, said)
		}
		cmd = command(t.Context(), []string{"/bin/sh", "-c", "echo 1999/01/02 another time"})
		if said, told, err := saysTime(t.Context(), cmd, year); err != nil || told || lastLine(said) != "1999/01/02 another time" {
			t.Fatalf("look %d: told %v, error %v, said %q", i, told, err, said)
		}
	}
}

func TestOrphansAreReaped(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) }()
	// The parent ends first, so the child falls to this process.
	out, err := children.run(t.Context(), "/bin/sh", "-c", "sleep 0.05 >/dev/null 2>&1 & echo $!")
	if err != nil {
		t.Fatal(err)
	}
	if err := poll(t.Context(), 10*time.Second, func() (bool, error) {
		_, err := os.Stat("/proc/" + out)
		return os.IsNotExist(err), nil
	}); err != nil {
		t.Errorf("process %s: %v", out, err)
	}
}

func TestWhatTakesNothingFromALibraryIsKnownByItsFile(t *testing.T) {
	for loader, want := range map[string]string{
		"":                            "static program",
		"/lib64/ld-linux-x86-64.so.2": "",
		"/lib/ld-musl-x86_64.so.1":    "built for musl",
	} {
		taken := unmovable(program(t, loader), "/no library")
		why := taken.Why
		if taken.Musl != strings.Contains(loader, "musl") {
			t.Errorf("loaded by %q: for musl %v", loader, taken.Musl)
		}
		if want == "" && why != "" || !strings.Contains(why, want) {
			t.Errorf("loaded by %q: it says %q", loader, why)
		}
	}
	if why := unmovable("/etc/passwd", "/no library").Why; why != "" {
		t.Errorf("of what is no program it says %q", why)
	}
}

func TestALibraryForMuslIsKnownByItsFile(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc to link libraries with")
	}
	dir := t.TempDir()
	link := func(name string, args ...string) string {
		out := filepath.Join(dir, name)
		args = append([]string{"-shared", "-nostdlib", "-x", "c", "/dev/null", "-x", "none", "-Wl,--no-as-needed,-soname," + name, "-o", out}, args...)
		if said, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return out
	}
	musl := link("for-musl.so", link("libc.so"))
	glibc := link("for-glibc.so", link("libc.so.6"))
	loader := program(t, "/lib/ld-musl-x86_64.so.1")
	if taken := unmovable(loader, musl); taken.Musl || taken.Why != "" {
		t.Errorf("with the library for musl: %+v", taken)
	}
	if taken := unmovable(loader, glibc); !taken.Musl || !strings.Contains(taken.Why, "libfaketime for glibc") {
		t.Errorf("with the library for glibc: %+v", taken)
	}
	if taken := unmovable(program(t, ""), musl); taken.Musl || !strings.Contains(taken.Why, "static program") {
		t.Errorf("a static program: %+v", taken)
	}
}

// program writes the head of a program that is loaded by that file; by none when it is empty.
func program(t *testing.T, loader string) string {
	var b bytes.Buffer
	head := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	part := elf.Prog64{Type: uint32(elf.PT_LOAD)}
	if loader != "" {
		part = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: uint64(len(loader) + 1)}
	}
	for _, v := range []any{head, part, []byte(loader + "\x00")} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, b.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
