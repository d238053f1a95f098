//go:build linux

package agent

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// changeable is a sandbox with a folder, and the path of a file in it on this machine.
func changeable(t *testing.T, path string) (c *sandbox, at string) {
	c = &sandbox{id: "c1", dir: t.TempDir(), folders: []agentapi.Folder{{Path: "/etc/nginx"}, {Path: "/run"}}, changes: map[int]func(context.Context) error{}}
	at = c.path(path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	return c, at
}

func TestChangeFile_AnOpenFileStaysWhole(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, at := changeable(t, "/etc/nginx/nginx.conf")
	write(t, at, "one", 0o644)
	old, err := os.Open(at)
	g.Expect(err).NotTo(HaveOccurred())
	defer old.Close()
	_, err = c.changeFile(t.Context(), agentapi.FileSpec{File: agentapi.File{Path: "/etc/nginx/nginx.conf", Data: "another", Mode: 0o600}})
	g.Expect(err).NotTo(HaveOccurred())
	text := make([]byte, 10)
	n, _ := old.Read(text)
	g.Expect(string(text[:n])).To(Equal("one"))
	g.Expect(os.ReadFile(at)).To(BeEquivalentTo("another"))
}

func TestChangeBack_BringsBackEachFormerStateLastFirst(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	const path = "/etc/nginx/nginx.conf"
	c, at := changeable(t, path)
	look := func() string {
		info, err := os.Stat(at)
		if err != nil {
			return "gone"
		}
		text, _ := os.ReadFile(at)
		return info.Mode().String() + " " + string(text)
	}
	var changes []int
	states := []string{look()}
	for _, spec := range []agentapi.FileSpec{
		{File: agentapi.File{Data: "one", Mode: 0o640}},
		{File: agentapi.File{Data: "\xff\x00 no text"}},
		{Chmod: true, File: agentapi.File{Mode: 0o400}},
		{File: agentapi.File{Data: "three"}},
		{File: agentapi.File{Link: "/etc/nginx/other.conf"}},
		{File: agentapi.File{Data: "four"}},
	} {
		spec.File.Path = path
		n, err := c.changeFile(t.Context(), spec)
		g.Expect(err).NotTo(HaveOccurred())
		changes, states = append(changes, n), append(states, look())
	}
	g.Expect(states[:4]).To(Equal([]string{"gone", "-rw-r----- one", "-rw-r--r-- \xff\x00 no text", "-r-------- \xff\x00 no text"}))
	for i := len(changes) - 1; i >= 0; i-- {
		g.Expect(c.undoChange(t.Context(), agentapi.ChangeRef{Change: changes[i]})).To(Succeed())
		g.Expect(look()).To(Equal(states[i]), "the change %d", i)
	}
	g.Expect(c.changes).To(BeEmpty())
	g.Expect(c.undoChange(t.Context(), agentapi.ChangeRef{Change: changes[0]})).To(MatchError("sandbox c1 has no change 1 that could be taken back"))
}

func TestChangeFile_BringsBackTheModeOfASocketAndAFolder(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, at := changeable(t, "/run/php/php.sock")
	g.Expect(syscall.Mknod(at, syscall.S_IFSOCK|0o666, 0)).To(Succeed())
	g.Expect(os.Chmod(at, 0o666)).To(Succeed())
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		g.Expect(err).NotTo(HaveOccurred())
		return info.Mode().Perm()
	}
	socket, err := c.changeFile(t.Context(), agentapi.FileSpec{Chmod: true, File: agentapi.File{Path: "/run/php/php.sock", Mode: 0o660}})
	g.Expect(err).NotTo(HaveOccurred())
	folder, err := c.changeFile(t.Context(), agentapi.FileSpec{Chmod: true, File: agentapi.File{Path: "/run/php", Mode: 0o700}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(mode(at)).To(BeEquivalentTo(0o660))
	g.Expect(mode(filepath.Dir(at))).To(BeEquivalentTo(0o700))
	g.Expect(c.undoChange(t.Context(), agentapi.ChangeRef{Change: folder})).To(Succeed())
	g.Expect(c.undoChange(t.Context(), agentapi.ChangeRef{Change: socket})).To(Succeed())
	g.Expect(mode(at)).To(BeEquivalentTo(0o666))
	g.Expect(mode(filepath.Dir(at))).To(BeEquivalentTo(0o755))

	_, err = c.changeFile(t.Context(), agentapi.FileSpec{File: agentapi.File{Path: "/run/php/php.sock", Data: "text"}})
	g.Expect(err).To(MatchError(ContainSubstring("could not be brought back")))
	again, err := c.changeFile(t.Context(), agentapi.FileSpec{File: agentapi.File{Path: "/run/php", Dir: true, Mode: 0o711}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.undoChange(t.Context(), agentapi.ChangeRef{Change: again})).To(Succeed())
	g.Expect(mode(filepath.Dir(at))).To(BeEquivalentTo(0o755))
}

func TestChangeFile_FailureLeavesTheFormerFile(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, at := changeable(t, "/etc/nginx/nginx.conf")
	write(t, at, "one", 0o644)
	_, err := c.changeFile(t.Context(), agentapi.FileSpec{File: agentapi.File{Path: "/etc/nginx/nginx.conf", Data: "two", User: "nobody-of-that-name"}})
	g.Expect(err).To(MatchError(ContainSubstring("giving /etc/nginx/nginx.conf to nobody-of-that-name")))
	g.Expect(os.ReadFile(at)).To(BeEquivalentTo("one"))
	g.Expect(c.changes).To(BeEmpty())

	_, err = c.changeFile(t.Context(), agentapi.FileSpec{Chmod: true, File: agentapi.File{Path: "/etc/nginx/none"}})
	g.Expect(err).To(MatchError(ContainSubstring("/etc/nginx/none in sandbox c1")))
	c.jail = &jail{}
	_, err = c.changeFile(t.Context(), agentapi.FileSpec{File: agentapi.File{Path: "/etc/nginx/nginx.conf"}})
	g.Expect(err).To(MatchError(ContainSubstring("the files of a sandbox are put there anew")))
}

func TestChangeBack_ThatFailsCanBeCalledAgain(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, at := changeable(t, "/run/php/php.sock")
	write(t, at, "", 0o644)
	n, err := c.changeFile(t.Context(), agentapi.FileSpec{Chmod: true, File: agentapi.File{Path: "/run/php/php.sock", Mode: 0o600}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.Remove(at)).To(Succeed())
	g.Expect(c.undoChange(t.Context(), agentapi.ChangeRef{Change: n})).To(MatchError(ContainSubstring("taking back a change in sandbox c1")))
	write(t, at, "", 0o600)
	g.Expect(c.undoChange(t.Context(), agentapi.ChangeRef{Change: n})).To(Succeed())
}
