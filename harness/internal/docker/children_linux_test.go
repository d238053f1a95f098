package docker

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestAWatcherEndsProgramsAndRemovesTheirFolders(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "of the owner")
	g.Expect(os.MkdirAll(filepath.Join(dir, "deep", "down"), 0o755)).To(Succeed())
	// One that cleans up when it is asked to, and has a child.
	asked := filepath.Join(t.TempDir(), "asked")
	program := exec.Command("sh", "-c", `trap 'echo asked > "$0"; exit 0' TERM; echo ready; sleep 600 & wait`, asked)
	program.Env = append(os.Environ(), ownerVariable+"=somebody/else/1/2/x")
	out, err := program.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(program.Start()).To(Succeed())
	ready := make([]byte, 6)
	_, err = io.ReadFull(out, ready)
	g.Expect(err).NotTo(HaveOccurred())
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()

	g.Expect(childrenOf("somebody/else/1/2/y")).To(BeEmpty())
	g.Expect(after("somebody/else/1/2/x", strings.NewReader("+\""+dir+"\"\n"))).To(BeZero())
	g.Expect(<-ended).To(Succeed())
	g.Expect(asked).To(BeAnExistingFile())
	g.Expect(childrenOf("somebody/else/1/2/x")).To(BeEmpty())
	g.Expect(dir).NotTo(BeAnExistingFile())
}

func TestAFolderInWhichSomethingIsMountedStays(t *testing.T) {
	g := NewWithT(t)
	g.Expect(mountedIn("/proc")).To(BeTrue())
	g.Expect(mountedIn("/")).To(BeTrue())
	g.Expect(mountedIn(t.TempDir())).To(BeFalse())
	g.Expect(removeTree("/proc")).To(MatchError("/proc stays, as something is mounted in it"))
}
