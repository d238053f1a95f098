//go:build linux

package agent

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// treeIn is a tree with a file beside it, which no path may reach.
func treeIn(t *testing.T) (root tree, at, beside string) {
	dir := t.TempDir()
	at, beside = filepath.Join(dir, "root"), filepath.Join(dir, "beside")
	NewWithT(t).Expect(os.Mkdir(at, 0o755)).To(Succeed())
	NewWithT(t).Expect(os.WriteFile(beside, []byte("not yours"), 0o644)).To(Succeed())
	fd, err := unix.Open(at, unix.O_PATH|unix.O_DIRECTORY, 0)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	root = tree{fd}
	t.Cleanup(root.close)
	return root, at, beside
}

func TestATreeIsReadAndWritten(t *testing.T) {
	g := NewWithT(t)
	root, at, _ := treeIn(t)
	g.Expect(root.write("/a/b/c", "text", 0o640, os.Getuid(), os.Getgid())).To(Succeed())
	g.Expect(root.mkdir("/a/d", 0o700, os.Getuid(), os.Getgid())).To(Succeed())
	g.Expect(root.link("/a/l", "/a/b/c", os.Getuid(), os.Getgid())).To(Succeed())
	for _, path := range []string{"/a/b/c", "/a/l"} {
		text, size, err := root.read(path, 2, 100)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(text)).To(Equal("xt"))
		g.Expect(size).To(BeEquivalentTo(4))
	}
	info, err := os.Stat(filepath.Join(at, "a/b/c"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode().Perm()).To(BeEquivalentTo(0o640))
	g.Expect(root.chmod("/a/l", 0o600)).To(Succeed())
	info, err = os.Stat(filepath.Join(at, "a/b/c"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode().Perm()).To(BeEquivalentTo(0o600))
	g.Expect(root.remove("/a")).To(Succeed())
	g.Expect(os.ReadDir(at)).To(BeEmpty())
	g.Expect(root.remove("/a/b")).To(Succeed(), "what is not there is removed")
}

func TestAWriteTakesThePlaceOfALink(t *testing.T) {
	g := NewWithT(t)
	root, at, beside := treeIn(t)
	g.Expect(os.Symlink("../beside", filepath.Join(at, "link"))).To(Succeed())
	g.Expect(root.write("/link", "x", 0o644, os.Getuid(), os.Getgid())).To(Succeed())
	g.Expect(os.ReadFile(beside)).To(BeEquivalentTo("not yours"))
}

func TestNoLinkLeadsOutOfATree(t *testing.T) {
	for name, target := range map[string]string{
		"up": "../..", "absolute": "/", "magic": "/proc/self/root", "own": "/proc/self/cwd",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			root, at, beside := treeIn(t)
			g.Expect(os.Symlink(target, filepath.Join(at, "link"))).To(Succeed())
			for _, path := range []string{"/link/beside", "/link/../beside", "/link" + beside} {
				_, _, err := root.read(path, 0, 100)
				g.Expect(err).To(MatchError(fs.ErrNotExist), path)
				_ = root.write(path, "x", 0o644, os.Getuid(), os.Getgid())
				_ = root.chmod(path, 0o777)
				_ = root.remove(path)
				g.Expect(os.ReadFile(beside)).To(BeEquivalentTo("not yours"), path)
			}
		})
	}
}

func TestATreeGivesRegularFilesOnly(t *testing.T) {
	g := NewWithT(t)
	root, at, _ := treeIn(t)
	g.Expect(unix.Mkfifo(filepath.Join(at, "pipe"), 0o644)).To(Succeed())
	for _, path := range []string{"/pipe", "/"} {
		_, _, err := root.read(path, 0, 100)
		g.Expect(err).To(MatchError(errNotRegular), path)
	}
	fd, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY, 0)
	g.Expect(err).NotTo(HaveOccurred())
	proc := tree{fd}
	defer proc.close()
	_, _, err = proc.read("/1/environ", 0, 100)
	g.Expect(errors.Is(err, errNotRegular) || errors.Is(err, fs.ErrPermission)).To(BeTrue(), "%v", err)
}

func TestTheFilterOfAWorldIsOneThatTheKernelTakes(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		program, err := callFilter(arch)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		raw, err := bpf.Assemble(program)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(len(raw)).To(BeNumerically("<=", 4096)) // BPF_MAXINSNS
	}
	_, err := callFilter("riscv64")
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("amd64 or arm64, not riscv64")))
}

func TestCallFilter_RefusesAllThatIsListed(t *testing.T) {
	g := NewWithT(t)
	program, err := callFilter("amd64")
	g.Expect(err).NotTo(HaveOccurred())
	vm, err := bpf.NewVM(program)
	g.Expect(err).NotTo(HaveOccurred())
	// What the kernel would answer to a call. The machine of package bpf reads the bytes of a network.
	answer := func(arch, call uint32, arg uint32) int {
		data := make([]byte, 64)
		binary.BigEndian.PutUint32(data[dataNumber:], call)
		binary.BigEndian.PutUint32(data[dataArch:], arch)
		binary.BigEndian.PutUint32(data[dataArg0:], arg)
		verdict, err := vm.Run(data)
		g.Expect(err).NotTo(HaveOccurred())
		return verdict
	}
	const (
		amd64   = unix.AUDIT_ARCH_X86_64
		allowed = unix.SECCOMP_RET_ALLOW
		failing = unix.SECCOMP_RET_ERRNO
	)
	for _, call := range deniedCalls {
		g.Expect(answer(amd64, call, 0)).To(Equal(failing|int(unix.EPERM)), "call %d", call)
	}
	for _, call := range absentCalls {
		g.Expect(answer(amd64, call, 0)).To(Equal(failing|int(unix.ENOSYS)), "call %d", call)
	}
	for _, call := range []uint32{unix.SYS_READ, unix.SYS_OPENAT, unix.SYS_CLONE, unix.SYS_EXECVE, unix.SYS_BIND} {
		g.Expect(answer(amd64, call, 0)).To(Equal(allowed), "call %d", call)
	}
	for flag := uint32(1); flag != 0; flag <<= 1 {
		want := allowed
		if flag&newNamespaces != 0 {
			want = failing | int(unix.EPERM)
		}
		g.Expect(answer(amd64, unix.SYS_CLONE, flag|uint32(unix.SIGCHLD))).To(Equal(want), "clone with %#x", flag)
	}
	for family := range uint32(unix.AF_MAX) {
		want := failing | int(unix.EAFNOSUPPORT)
		if slices.Contains(families, family) {
			want = allowed
		}
		g.Expect(answer(amd64, unix.SYS_SOCKET, family)).To(Equal(want), "family %d", family)
	}
	const read, x32 = 3, 0x40000000
	g.Expect(answer(unix.AUDIT_ARCH_I386, read, 0)).To(Equal(failing|int(unix.ENOSYS)), "a call of 32 bits")
	g.Expect(answer(amd64, x32|unix.SYS_READ, 0)).To(Equal(failing|int(unix.ENOSYS)), "a call of x32")
}
