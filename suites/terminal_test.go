//go:build linux

package suites

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	"golang.org/x/sys/unix"
)

// onTerminal runs the command with a terminal as its standard output, and returns what it writes there.
func onTerminal(words []string, variables ...string) string {
	GinkgoHelper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	Expect(err).NotTo(HaveOccurred())
	defer master.Close()
	Expect(unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)).To(Succeed())
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	Expect(err).NotTo(HaveOccurred())
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	Expect(err).NotTo(HaveOccurred())
	Expect(unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})).To(Succeed())
	cmd := exec.Command(program(), words...)
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stdout, cmd.Stderr = slave, slave
	Expect(cmd.Start()).To(Succeed())
	slave.Close()
	out, _ := io.ReadAll(master) // a terminal whose last writer is gone gives EIO
	Expect(cmd.Wait()).To(Succeed())
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

var _ = Describe("the command's output", func() {
	const escape = "\x1b["
	// colours of SGR; what clears the line of progress is none.
	const colour = `\x1b\[[0-9;]+m`

	It("has colour on a terminal, and none with NO_COLOR", func() {
		words := []string{"run", "fpm-dead", "--twin", "fake"}
		Expect(onTerminal(words, "NO_COLOR=", "TERM=xterm")).To(MatchRegexp(colour))
		Expect(onTerminal(words, "NO_COLOR=1", "TERM=xterm")).NotTo(MatchRegexp(colour))
	})

	It("has no escape code where it is no terminal", func() {
		for _, words := range [][]any{
			{"run", "fpm-dead", "--twin", "fake"}, {"run", "--all", "fpm-dead", "--twin", "fake"}, {"list"}, {"run", "--help"},
		} {
			c := badgateway(words...).ended()
			Expect(c).To(gexec.Exit(0))
			Expect(c.stdout() + c.stderr()).NotTo(ContainSubstring(escape))
		}
	})

	It("keeps its tables within a terminal of 80 columns", func() {
		for _, words := range [][]string{{"list"}, {"run", "--all", "fpm-*", "--twin", "fake"}} {
			out := onTerminal(words, "NO_COLOR=1", "TERM=xterm")
			Expect(out).To(ContainSubstring("fpm-dead"))
			for line := range strings.Lines(out[strings.LastIndex(out, "\x1b[K")+1:]) {
				Expect(utf8.RuneCountInString(strings.TrimRight(line, "\n"))).To(BeNumerically("<=", 80), line)
			}
		}
	})

	It("says that the disk is full where its reports go, and ends with 1", func() {
		dir := GinkgoT().TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"); err != nil {
			Skip("mounting a small file system is for root: " + err.Error())
		}
		DeferCleanup(func() error { return unix.Unmount(dir, unix.MNT_DETACH) })
		c := badgateway("run", "fpm-dead", "--twin", "fake", "--reports", dir).ended()
		Expect(c).To(gexec.Exit(1))
		Expect(c.stderr()).To(MatchRegexp(`^nginx/\S+, moved clock: .*\nbadgateway: writing the report: %s/\S+: no space left on device\n$`, filepath.Clean(dir)))
		Expect(c.stdout()).To(ContainSubstring("fpm-dead (fake)"), "what was found is shown all the same")
	})
})
