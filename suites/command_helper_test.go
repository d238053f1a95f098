package suites

import (
	"fmt"

	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"github.com/badgateway/badgateway/harness/lab"
)

// soon bounds a wait for what takes well below a second on a machine that has nothing else to do.
const soon = 20 * time.Second

// program is the real command, built once a process.
var program = sync.OnceValue(func() string {
	path, err := gexec.BuildWithEnvironment("github.com/badgateway/badgateway/cmd/badgateway",
		[]string{"CGO_ENABLED=0"}, "-trimpath", "-ldflags", "-s -w")
	ExpectWithOffset(1, err).NotTo(HaveOccurred())
	return path
})

var _ = AfterSuite(gexec.CleanupBuildArtifacts)

// A command is the real command as a child of this process.
type command struct {
	*gexec.Session
	in io.WriteCloser // its standard input
}

// setting changes a command before it starts.
type setting func(*exec.Cmd)

// env sets a variable of the environment.
func env(name, value string) setting {
	return func(c *exec.Cmd) { c.Env = append(c.Env, name+"="+value) }
}

// badgateway starts the command. Its words are strings; settings may stand among them. What is still running when the
// spec ends is ended with it.
func badgateway(words ...any) *command {
	GinkgoHelper()
	cmd := exec.Command(program())
	cmd.Env = append(os.Environ(), "TERM=xterm")
	for _, w := range words {
		switch w := w.(type) {
		case string:
			cmd.Args = append(cmd.Args, w)
		case setting:
			w(cmd)
		default:
			panic(fmt.Sprintf("a word of a command line is a string, not a %T", w))
		}
	}
	in, err := cmd.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	s, err := gexec.Start(cmd, GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		in.Close()
		s.Kill().Wait(soon)
	})
	return &command{Session: s, in: in}
}

// ended waits for the command to end by itself, and returns it.
func (c *command) ended() *command {
	GinkgoHelper()
	Eventually(c.Session).WithTimeout(time.Minute).Should(gexec.Exit())
	return c
}

// pid is the command's process.
func (c *command) pid() int { return c.Command.Process.Pid }

// stdout and stderr are what it has printed so far.
func (c *command) stdout() string { return string(c.Out.Contents()) }
func (c *command) stderr() string { return string(c.Err.Contents()) }

// ours picks what the project has on the engine.
var ours = client.Filters{}.Add("label", lab.Label)

// ownedBy reports whether a label's value, or a watcher's argument, names a process of this machine.
func ownedBy(pid int, value string) bool {
	GinkgoHelper()
	host, err := os.Hostname()
	Expect(err).NotTo(HaveOccurred())
	parts := strings.Split(value, "/")
	return len(parts) >= 5 && parts[0] == host && parts[2] == strconv.Itoa(pid)
}

// containersOf are the containers of a process, in whatever state, each with that.
func containersOf(ctx SpecContext, pid int) map[string]string {
	GinkgoHelper()
	list, err := shared.Engine().Client().ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	Expect(err).NotTo(HaveOccurred())
	all := map[string]string{}
	for _, c := range list.Items {
		if ownedBy(pid, c.Labels[lab.Label]) {
			all[c.ID] = string(c.State)
		}
	}
	return all
}

// volumesOf are the volumes of a process.
func volumesOf(ctx SpecContext, pid int) []string {
	GinkgoHelper()
	list, err := shared.Engine().Client().VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	Expect(err).NotTo(HaveOccurred())
	var all []string
	for _, v := range list.Items {
		if ownedBy(pid, v.Labels[lab.Label]) {
			all = append(all, v.Name)
		}
	}
	return all
}

// imagesOf are the images that a process has half made: they have no name.
func imagesOf(ctx SpecContext, pid int) []string {
	GinkgoHelper()
	list, err := shared.Engine().Client().ImageList(ctx, client.ImageListOptions{
		Filters: client.Filters{}.Add("label", lab.Label).Add("dangling", "true"),
	})
	Expect(err).NotTo(HaveOccurred())
	var all []string
	for _, i := range list.Items {
		if ownedBy(pid, i.Labels[lab.Label]) {
			all = append(all, "image "+i.ID)
		}
	}
	return all
}

// leftOf is all that a process has on the engine.
func leftOf(ctx SpecContext, pid int) []string {
	GinkgoHelper()
	left := append(volumesOf(ctx, pid), imagesOf(ctx, pid)...)
	for id, state := range containersOf(ctx, pid) {
		left = append(left, "container "+id+" "+state)
	}
	return left
}
