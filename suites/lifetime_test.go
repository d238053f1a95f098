//go:build linux

package suites

import (
	"fmt"
	"github.com/badgateway/badgateway/harness/agentmain"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/client"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"
)

// ownGroup makes the command the leader of a process group, as a shell does.
var ownGroup = setting(func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} })

// running waits until the command's lab is up, and returns the process namespaces of its containers.
func running(ctx SpecContext, c *command, containers int) (namespaces []string) {
	GinkgoHelper()
	Eventually(func() []string {
		var states []string
		for _, s := range containersOf(ctx, c.pid()) {
			states = append(states, s)
		}
		return states
	}).WithContext(ctx).WithTimeout(soon).Should(And(HaveLen(containers), HaveEach("running")))
	Expect(volumesOf(ctx, c.pid())).To(HaveLen(1), "the sandboxes' folders lie in a volume")
	for id := range containersOf(ctx, c.pid()) {
		info, err := shared.Engine().Client().ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		Expect(err).NotTo(HaveOccurred())
		ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", info.Container.State.Pid))
		Expect(err).NotTo(HaveOccurred())
		namespaces = append(namespaces, ns)
	}
	Expect(processesIn(namespaces)).NotTo(BeEmpty())
	return namespaces
}

// processesIn are the processes of this machine in one of the namespaces.
func processesIn(namespaces []string) (all []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/ns/pid")
	for _, l := range links {
		if ns, err := os.Readlink(l); err == nil && slices.Contains(namespaces, ns) {
			comm, _ := os.ReadFile(strings.TrimSuffix(l, "ns/pid") + "comm")
			all = append(all, l+" "+strings.TrimSpace(string(comm)))
		}
	}
	return all
}

// watchersOf are the processes that watch over a process's containers.
func watchersOf(pid int) (all []string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		text, err := os.ReadFile(l)
		words := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
		if n := len(words); err == nil && n == 3 && words[1] == agentmain.ReapCommand && ownedBy(pid, words[2]) {
			all = append(all, l)
		}
	}
	return all
}

// onThisMachine skips what needs to see the engine's processes.
func onThisMachine() {
	if shared.Engine().IsRemote() {
		Skip("the engine is on another machine, whose processes can't be seen")
	}
}

var _ = Describe("the lab is mortal", func() {
	BeforeEach(onThisMachine)

	nothingLeft := func(ctx SpecContext, c *command, namespaces []string) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(leftOf(ctx, c.pid())).To(BeEmpty())
			g.Expect(processesIn(namespaces)).To(BeEmpty())
			g.Expect(watchersOf(c.pid())).To(BeEmpty())
		}).WithContext(ctx).WithTimeout(2 * time.Second).WithPolling(20 * time.Millisecond).Should(Succeed())
	}

	Describe("killed with kill -9, leaves no container, no volume and no process within two seconds", func() {
		It("while it keeps one thing broken", func(ctx SpecContext) {
			c := badgateway("lab", "fpm-dead")
			Eventually(c.Out).WithTimeout(soon).Should(gbytes.Say("try it:"))
			namespaces := running(ctx, c, 2)
			Expect(watchersOf(c.pid())).To(HaveLen(1))
			c.Kill().Wait(soon)
			nothingLeft(ctx, c, namespaces)
		})
		It("while it runs the catalogue", func(ctx SpecContext) {
			c := badgateway("run", "--all", "--repeat", "10", "fpm-*", "--labs", "2")
			Eventually(c.Err).WithTimeout(soon).Should(gbytes.Say(`\[`))
			var namespaces []string
			for id := range containersOf(ctx, c.pid()) {
				info, err := shared.Engine().Client().ContainerInspect(ctx, id, client.ContainerInspectOptions{})
				Expect(err).NotTo(HaveOccurred())
				ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", info.Container.State.Pid))
				Expect(err).NotTo(HaveOccurred())
				namespaces = append(namespaces, ns)
			}
			Expect(namespaces).To(HaveLen(4), "two labs, each of a gateway and a backend")
			Expect(volumesOf(ctx, c.pid())).To(HaveLen(2))
			c.Kill().Wait(soon)
			nothingLeft(ctx, c, namespaces)
		})
		It("with its whole process group", func(ctx SpecContext) {
			c := badgateway("lab", "fpm-dead", "--twin", "fake", ownGroup)
			Eventually(c.Out).WithTimeout(soon).Should(gbytes.Say("try it:"))
			namespaces := running(ctx, c, 1)
			Expect(syscall.Kill(-c.pid(), syscall.SIGKILL)).To(Succeed())
			c.Wait(soon)
			nothingLeft(ctx, c, namespaces)
		})
		It("where there is no folder for temporary files", func(ctx SpecContext) {
			c := badgateway("lab", "fpm-dead", "--twin", "fake", env("TMPDIR", "/nonexistent"))
			Eventually(c.Out).WithTimeout(soon).Should(gbytes.Say("try it:"))
			namespaces := running(ctx, c, 1)
			Expect(watchersOf(c.pid())).To(HaveLen(1))
			c.Kill().Wait(soon)
			nothingLeft(ctx, c, namespaces)
		})
		It("with its watcher", func(ctx SpecContext) {
			c := badgateway("lab", "fpm-dead", "--twin", "fake")
			Eventually(c.Out).WithTimeout(soon).Should(gbytes.Say("try it:"))
			namespaces := running(ctx, c, 1)
			watchers := watchersOf(c.pid())
			Expect(watchers).To(HaveLen(1))
			var pid int
			_, err := fmt.Sscanf(watchers[0], "/proc/%d/", &pid)
			Expect(err).NotTo(HaveOccurred())
			Expect(syscall.Kill(pid, syscall.SIGKILL)).To(Succeed())
			c.Kill().Wait(soon)
			nothingLeft(ctx, c, namespaces)
		})
	})

	Describe("interrupted, ends with code 130, says so, and has left nothing by then", func() {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			It(fmt.Sprintf("%v while it runs the catalogue", signal), func(ctx SpecContext) {
				c := badgateway("run", "--all", "--repeat", "50", "fpm-dead")
				Eventually(c.Err).WithTimeout(soon).Should(gbytes.Say(`\[`))
				namespaces := running(ctx, c, 2)
				c.Signal(signal)
				Expect(c.ended()).To(gexec.Exit(130))
				Expect(leftOf(ctx, c.pid())).To(BeEmpty())
				Expect(processesIn(namespaces)).To(BeEmpty())
				Expect(c.stderr()).To(MatchRegexp(`\nbadgateway: interrupted after \d+ of 100 runs\n$`))
				Expect(c.stdout()).To(ContainSubstring("fpm-dead"), "what was proven until then is shown")
			})
			It(fmt.Sprintf("%v while it keeps one thing broken", signal), func(ctx SpecContext) {
				c := badgateway("lab", "fpm-dead", "--twin", "fake")
				Eventually(c.Out).WithTimeout(soon).Should(gbytes.Say("try it:"))
				namespaces := running(ctx, c, 1)
				c.Signal(signal)
				Expect(c.ended()).To(gexec.Exit(130))
				Expect(leftOf(ctx, c.pid())).To(BeEmpty())
				Expect(processesIn(namespaces)).To(BeEmpty())
				Expect(c.stderr()).To(HaveSuffix("badgateway: interrupted\n"))
			})
		}
	})

	// A container that is made and not started yet is one that the engine would keep for ever.
	Describe("ended while it starts", func() {
		// nothingComes waits until the watcher has ended, after which nothing can come.
		nothingComes := func(ctx SpecContext, c *command) {
			GinkgoHelper()
			Eventually(func(g Gomega) {
				g.Expect(watchersOf(c.pid())).To(BeEmpty())
				g.Expect(leftOf(ctx, c.pid())).To(BeEmpty())
			}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(50 * time.Millisecond).Should(Succeed())
		}

		DescribeTable("leaves nothing",
			func(ctx SpecContext, call string, answer int, how syscall.Signal) {
				var c *command
				begun, answered := make(chan struct{}), make(chan int, 1)
				host := engineWith(func(r *http.Request, pass func() int) {
					if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, call) {
						pass()
						return
					}
					<-begun
					c.Signal(how)
					if how == syscall.SIGKILL {
						<-c.Exited
					}
					if answer != 0 {
						answered <- pass()
					}
				})
				c = badgateway("run", "fpm-dead", "--twin", "fake", env("DOCKER_HOST", host))
				close(begun)
				c.ended()
				if how == syscall.SIGINT {
					Expect(leftOf(ctx, c.pid())).To(BeEmpty(), "it has waited for what it had begun")
					Expect(c).To(gexec.Exit(130))
					Expect(c.stderr()).To(Equal("badgateway: interrupted\n"))
				}
				if answer != 0 {
					Eventually(answered).WithTimeout(soon).Should(Receive(Equal(answer)), "the engine did what it was told")
				}
				nothingComes(ctx, c)
			},
			Entry("killed as the engine is told to make its container", "/containers/create", 201, syscall.SIGKILL),
			Entry("killed as the engine is told to start it", "/start", 204, syscall.SIGKILL),
			Entry("killed before the engine is told to start it", "/start", 0, syscall.SIGKILL),
			Entry("interrupted as the engine is told to make its container", "/containers/create", 201, syscall.SIGINT),
			Entry("interrupted as the engine is told to start it", "/start", 204, syscall.SIGINT),
		)

		It("leaves nothing, killed at any moment", func(ctx SpecContext) {
			random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
			var all []*command
			var wg sync.WaitGroup
			for range 10 {
				after := time.Duration(random.Int64N(int64(600 * time.Millisecond)))
				c := badgateway("lab", "fpm-dead")
				all = append(all, c)
				wg.Go(func() {
					time.AfterFunc(after, func() { c.Kill() })
					<-c.Exited
				})
				GinkgoWriter.Printf("process %d is killed after %v\n", c.pid(), after)
			}
			wg.Wait()
			for _, c := range all {
				nothingComes(ctx, c)
			}
		})
	})
})
