//go:build linux

package suites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
)

// A process is the real command, which is ended at some moment. It has a folder for temporary files of its own.
type process struct {
	cmd    *exec.Cmd
	output *os.File // the reader's end of its output
	tmp    string
	ended  chan struct{}
}

// An ending is a way in which a command comes to its end, and the exit codes with which it may: of one that had not ended
// before, and was not killed by the signal before it could catch it.
type ending struct {
	name     string
	terminal bool // it has a terminal
	end      func(*process)
	signal   syscall.Signal
	code     int
}

func signalled(s syscall.Signal, code int) ending {
	return ending{name: unix.SignalName(s), end: func(v *process) { v.cmd.Process.Signal(s) }, signal: s, code: code}
}

// hangUp ends the reading of the output: a pipe breaks, a terminal is gone.
func hangUp(v *process) { v.output.Close() }

var endings = []ending{
	signalled(syscall.SIGKILL, -1),
	signalled(syscall.SIGINT, 130),
	signalled(syscall.SIGTERM, 130),
	signalled(syscall.SIGQUIT, 130),
	signalled(syscall.SIGHUP, 130),
	{name: "its reader left", end: hangUp, signal: syscall.SIGPIPE, code: 1},
	{name: "its terminal was closed", terminal: true, end: hangUp, signal: syscall.SIGHUP, code: 130},
	{name: "SIGINT twice", signal: syscall.SIGINT, code: 130, end: func(v *process) {
		v.cmd.Process.Signal(syscall.SIGINT)
		v.cmd.Process.Signal(syscall.SIGINT)
	}},
}

// start starts a victim. Its variables come before its words, as a shell has it.
func start(terminal bool, variables []string, words ...string) *process {
	GinkgoHelper()
	v := &process{cmd: exec.Command(program(), words...), tmp: GinkgoT().TempDir(), ended: make(chan struct{})}
	v.cmd.Env = append(append(os.Environ(), "TERM=xterm", "TMPDIR="+v.tmp), variables...)
	// No keyboard: a pipe that stays open, of which nothing comes.
	in, keyboard, err := os.Pipe()
	Expect(err).NotTo(HaveOccurred())
	defer in.Close()
	var out *os.File
	if terminal {
		v.output, out = newTerminal()
		in, v.cmd.SysProcAttr = out, &syscall.SysProcAttr{Setsid: true, Setctty: true}
	} else {
		v.output, out, err = os.Pipe()
		Expect(err).NotTo(HaveOccurred())
	}
	defer out.Close()
	v.cmd.Stdin, v.cmd.Stdout, v.cmd.Stderr = in, out, GinkgoWriter
	if terminal {
		v.cmd.Stderr = out
	}
	Expect(v.cmd.Start()).To(Succeed())
	go func() { _, _ = io.Copy(GinkgoWriter, v.output) }()
	go func() {
		v.cmd.Wait()
		close(v.ended)
	}()
	DeferCleanup(func() {
		keyboard.Close()
		v.output.Close()
		v.cmd.Process.Kill()
		<-v.ended
	})
	return v
}

// newTerminal is a terminal, and the end at which its user sits.
func newTerminal() (user, program *os.File) {
	GinkgoHelper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	Expect(err).NotTo(HaveOccurred())
	Expect(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)).To(Succeed())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	Expect(err).NotTo(HaveOccurred())
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	Expect(err).NotTo(HaveOccurred())
	return os.NewFile(uintptr(fd), "terminal"), program
}

// dies ends a victim, and waits for it.
func (v *process) dies(e ending) {
	GinkgoHelper()
	e.end(v)
	Eventually(v.ended).WithTimeout(time.Minute).Should(BeClosed(), "it does not end after "+e.name)
	status := v.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		Expect(status.Signal()).To(Equal(e.signal))
	} else {
		// With 0 and 1, a check's findings, it had just ended by itself.
		codes := []any{0, 1, e.code}
		if e.signal == syscall.SIGQUIT {
			codes = append(codes, 2) // Go's own exit code, before the program catches it
		}
		Expect(status.ExitStatus()).To(BeElementOf(codes...), "ended by "+e.name)
	}
}

// children are the programs of this machine that a process has started to end with it.
func children(pid int) (all []string) {
	found, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range found {
		text, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for _, v := range strings.Split(string(text), "\x00") {
			if owner, is := strings.CutPrefix(v, "BADGATEWAY_OWNER="); is && ownedBy(pid, owner) {
				all = append(all, f)
			}
		}
	}
	return all
}

// folders are those in which base images are being put together.
func folders() []string {
	found, _ := filepath.Glob("/dev/shm/badgateway-base-*")
	return found
}

// leavesNothing waits until the victim's watchers have ended, after which nothing can come.
func (v *process) leavesNothing(ctx SpecContext, before []string) {
	GinkgoHelper()
	pid := v.cmd.Process.Pid
	Eventually(func(g Gomega) {
		g.Expect(watchersOf(pid)).To(BeEmpty())
		g.Expect(children(pid)).To(BeEmpty())
		g.Expect(leftOf(ctx, pid)).To(BeEmpty())
		temporary, err := os.ReadDir(v.tmp)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(temporary).To(BeEmpty())
		for _, f := range folders() { // another process may be at it, too
			g.Expect(before).To(ContainElement(f))
		}
	}).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(100 * time.Millisecond).Should(Succeed())
}

// engineWithout is the address of this machine's engine as one sees it that has none of our images, except for those that are
// given: there, all of them have another name. What was made under it is removed in the end.
func engineWithout(ctx SpecContext, except ...string) (host string, forget func()) {
	GinkgoHelper()
	other := fmt.Sprintf("badgateway-killed-%d-%d/", os.Getpid(), time.Now().UnixNano())
	api := shared.Engine().Client()
	for _, ref := range except {
		_, err := api.ImageTag(ctx, client.ImageTagOptions{Source: ref, Target: strings.Replace(ref, "badgateway/", other, 1)})
		Expect(err).NotTo(HaveOccurred())
	}
	forget = func() {
		GinkgoHelper()
		list, err := api.ImageList(context.Background(), client.ImageListOptions{Filters: client.Filters{}.Add("reference", other+"*")})
		Expect(err).NotTo(HaveOccurred())
		for _, i := range list.Items {
			for _, name := range i.RepoTags {
				if strings.HasPrefix(name, other) && !slices.Contains(except, strings.Replace(name, other, "badgateway/", 1)) {
					_, err := api.ImageRemove(context.Background(), name, client.ImageRemoveOptions{PruneChildren: true})
					Expect(err).NotTo(HaveOccurred())
				}
			}
		}
	}
	DeferCleanup(func() {
		except = nil
		forget()
	})
	renamed := func(s string) string {
		return strings.NewReplacer("badgateway/", other, "badgateway%2F", strings.ReplaceAll(other, "/", "%2F")).Replace(s)
	}
	return engineThrough(func(r *http.Request) {
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = renamed(r.URL.Path), "", renamed(r.URL.RawQuery)
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				body = bytes.Replace(body, []byte(`"Image":"badgateway/`), []byte(`"Image":"`+other), 1)
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			}
		}
	}), forget
}

// kills is how often each command is ended: KILLS=20 for a night.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		return n
	}
	return 2
}

var _ = Describe("ended at random moments, in all ways,", func() {
	BeforeEach(onThisMachine)

	// each ends a command so many times, at moments that the seed of this run decides, and then waits until nothing is left.
	each := func(ctx SpecContext, seed uint64, within time.Duration, begin func(terminal bool) *process) {
		GinkgoHelper()
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), seed))
		before := folders()
		var all []*process
		for n := range kills() {
			how := endings[0]
			if n > 0 {
				how = endings[random.IntN(len(endings))]
			}
			moment := time.Duration(random.Int64N(int64(within)))
			v := begin(how.terminal)
			GinkgoWriter.Printf("process %d: %s after %v (seed %d)\n", v.cmd.Process.Pid, how.name, moment, GinkgoRandomSeed())
			select {
			case <-v.ended:
			case <-time.After(moment): // what is tested
			}
			v.dies(how)
			all = append(all, v)
		}
		for _, v := range all {
			v.leavesNothing(ctx, before)
		}
	}

	config := func() string {
		path := filepath.Join(GinkgoT().TempDir(), "nginx.conf")
		text := "events {}\nhttp {\n  server { listen 80; location / { proxy_pass http://app:8080; } }\n}\n"
		Expect(os.WriteFile(path, []byte(text), 0o644)).To(Succeed())
		return path
	}
	for n, command := range []struct {
		words  []string
		within time.Duration
	}{
		{[]string{"run", "--all", "family:service", "--repeat", "20"}, 2 * time.Second},
		{[]string{"run", "--all", "family:service", "--labs", "2", "--reports", "TMP"}, 2 * time.Second},
		{[]string{"lab", "fpm-dead"}, 2 * time.Second},
		{[]string{"check", "CONFIG"}, 2 * time.Second},
		{[]string{"check", "CONFIG", "--route", "/", "--fault", "refused", "--keep"}, 2 * time.Second},
		{[]string{"check", "CONFIG", "--against", "CONFIG"}, 4 * time.Second},
		{[]string{"images"}, 200 * time.Millisecond},
		{[]string{"list"}, 100 * time.Millisecond},
		{[]string{"fake", "--listen", "127.0.0.1:0"}, 500 * time.Millisecond},
	} {
		It(strings.Join(command.words[:1], " ")+" leaves nothing: "+strings.Join(command.words, " "), func(ctx SpecContext) {
			each(ctx, uint64(n), command.within, func(terminal bool) *process {
				words := slices.Clone(command.words)
				for i := range words {
					switch words[i] {
					case "CONFIG":
						words[i] = config()
					case "TMP":
						words[i] = GinkgoT().TempDir()
					}
				}
				return start(terminal, nil, words...)
			})
		})
	}

	It("clean leaves nothing of its own", func(ctx SpecContext) {
		host := engineWith(func(r *http.Request, pass func() int) {
			if r.Method == http.MethodDelete { // the machine's are others' too: it is told that they are gone
				r.Method, r.URL.Path, r.URL.RawQuery = http.MethodGet, "/images/json", ""
			}
			pass()
		})
		each(ctx, 100, 300*time.Millisecond, func(terminal bool) *process {
			return start(terminal, []string{"DOCKER_HOST=" + host, "XDG_CACHE_HOME=" + GinkgoT().TempDir()}, "clean")
		})
	})

	Describe("a first run leaves nothing", func() {
		It("in its first second, and while it makes the base image", func(ctx SpecContext) {
			host, forget := engineWithout(ctx)
			n := 0
			each(ctx, 101, time.Second, func(terminal bool) *process {
				forget()
				v := start(terminal, []string{"DOCKER_HOST=" + host, "XDG_CACHE_HOME=" + GinkgoT().TempDir()}, "run", "fpm-dead", "--twin", "fake")
				if n++; n%2 == 0 { // every other one in the middle of its work
					Eventually(func() error { return atWork(v) }).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
				}
				return v
			})
		})
		It("while it builds", func(ctx SpecContext) {
			base := "badgateway/base:bookworm"
			host, forget := engineWithout(ctx, base)
			each(ctx, 102, 10*time.Second, func(terminal bool) *process {
				forget()
				return start(terminal, []string{"DOCKER_HOST=" + host, "XDG_CACHE_HOME=" + GinkgoT().TempDir()}, "run", "fpm-dead", "--twin", "fake")
			})
		})
		It("when it has its images, and takes a library out of one", func(ctx SpecContext) {
			each(ctx, 103, time.Second, func(terminal bool) *process {
				return start(terminal, []string{"XDG_CACHE_HOME=" + GinkgoT().TempDir()}, "run", "fpm-dead", "--twin", "fake")
			})
		})
	})
})

// atWork is nil once a victim's programs are at work, or it has ended.
func atWork(v *process) error {
	select {
	case <-v.ended:
		return nil
	default:
	}
	if len(children(v.cmd.Process.Pid)) == 0 {
		return errors.New("it has started no program")
	}
	return nil
}
