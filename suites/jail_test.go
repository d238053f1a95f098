//go:build linux

package suites

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
)

// probe is a gateway that hands out all that its user, who is root, can read.
const probe = `user root;
events {}
http {
    access_log /dev/stdout;
    server {
        listen 80;
        location / { root /; autoindex on; }
    }
}
`

const secret = "the neighbour's own"

var _ = Describe("an untrusted config is jailed", Ordered, ContinueOnFailure, func() {
	var untrusted *lab.Lab
	var neighbour *lab.Sandbox

	openSandbox := func(ctx context.Context) *lab.Sandbox {
		GinkgoHelper()
		sb, err := untrusted.Open(ctx, lab.Setup{CatchAll: &lab.CatchAll{}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(sb.Close()).To(Succeed()) })
		return sb
	}
	run := func(ctx context.Context, sb *lab.Sandbox, argv ...string) lab.Executed {
		GinkgoHelper()
		out, err := sb.Exec(ctx, argv...)
		Expect(err).NotTo(HaveOccurred())
		return out
	}
	sh := func(ctx context.Context, sb *lab.Sandbox, script string) lab.Executed {
		GinkgoHelper()
		return run(ctx, sb, "sh", "-c", script)
	}
	start := func(ctx context.Context, sb *lab.Sandbox, conf string) {
		GinkgoHelper()
		Expect(sb.Put(ctx, lab.File{Path: nginx.Driver.Conf, Data: conf})).To(Succeed())
		Expect(sb.StartCommand(ctx, nginx.Driver.Argv...)).To(Succeed())
	}
	get := func(ctx context.Context, sb *lab.Sandbox, path string) lab.ProbeAnswer {
		GinkgoHelper()
		a, err := sb.Probe(ctx, lab.ProbeSpec{
			To:  lab.GatewayAddress + ":80",
			Raw: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n", path), Limit: time.Minute,
		})
		Expect(err).NotTo(HaveOccurred())
		return a
	}

	var container string // the id of that of the lab

	BeforeAll(func(ctx SpecContext) {
		others := containersOf(ctx, os.Getpid())
		var err error
		untrusted, err = lab.Start(ctx, lab.Options{Untrusted: true, Logger: toGinkgo})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(untrusted.Close()).To(Succeed()) })
		for id := range containersOf(ctx, os.Getpid()) {
			if _, old := others[id]; !old {
				Expect(container).To(BeEmpty(), "a lab is one container")
				container = id
			}
		}
		neighbour, err = untrusted.Open(ctx, lab.Setup{CatchAll: &lab.CatchAll{}})
		Expect(err).NotTo(HaveOccurred())
		Expect(neighbour.Put(ctx, lab.File{Path: "/srv/neighbour", Data: secret})).To(Succeed())
		start(ctx, neighbour, probe)
	})
	// Whatever a spec did: the lab answers, opens catch-all sandboxes, and the neighbour has noticed nothing.
	AfterEach(func(ctx SpecContext) {
		Expect(untrusted.Gone()).NotTo(BeClosed())
		a := get(ctx, neighbour, "/srv/neighbour")
		Expect(a.Status).To(Equal(200))
		Expect(a.Body).To(Equal(secret))
		Expect(a.Killed).To(BeNil())
		fresh := openSandbox(ctx)
		Expect(sh(ctx, fresh, "echo well").Output).To(Equal("well"))
	})

	It("in a container without network, port, path of the machine and most rights, which has limits", func(ctx SpecContext) {
		c, err := untrusted.Engine().Client().ContainerInspect(ctx, container, client.ContainerInspectOptions{})
		Expect(err).NotTo(HaveOccurred())
		h := c.Container.HostConfig
		Expect(string(h.NetworkMode)).To(Equal("none"))
		Expect(h.PortBindings).To(BeEmpty())
		Expect(c.Container.NetworkSettings.Ports).To(BeEmpty())
		Expect(h.Privileged).To(BeFalse())
		Expect(h.PidMode.IsHost() || h.IpcMode.IsHost() || h.UTSMode.IsHost()).To(BeFalse())
		Expect(h.Binds).To(BeEmpty())
		Expect(h.Devices).To(BeEmpty())
		Expect(h.DeviceRequests).To(BeEmpty())
		Expect(c.Container.Mounts).To(ConsistOf(HaveField("Type", BeEquivalentTo("volume"))), "the sandboxes' folders")
		Expect(h.Mounts).To(ConsistOf(HaveField("VolumeOptions.DriverConfig.Options",
			And(HaveKeyWithValue("type", "tmpfs"), HaveKeyWithValue("o", ContainSubstring("size=536870912"))))), "in memory")
		if untrusted.Engine().Name() == "Docker" { // Podman lists what is left in another form
			Expect(h.CapDrop).To(ConsistOf("ALL"))
			Expect(h.CapAdd).To(HaveLen(12))
		}
		Expect(h.CapAdd).NotTo(ContainElement(MatchRegexp("MODULE|RAWIO|TIME|BOOT|MKNOD|NET_RAW|ALL")))
		Expect(h.Memory).To(BeEquivalentTo(1 << 30))
		Expect(h.MemorySwap).To(BeEquivalentTo(1<<30), "no swap besides")
		Expect(h.PidsLimit).To(HaveValue(BeEquivalentTo(4096)))
		Expect(h.Ulimits).To(ContainElement(And(HaveField("Name", HaveSuffix("core")), HaveField("Hard", BeZero()))))
		Expect(h.AutoRemove).To(BeTrue())
	})

	Describe("by a program that it runs as root", func() {
		It("has few rights, and no way to more", func(ctx SpecContext) {
			status := sh(ctx, openSandbox(ctx), "cat /proc/self/status").Output
			// CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, NET_BIND_SERVICE
			for _, set := range []string{"CapPrm", "CapEff", "CapBnd"} {
				Expect(status).To(ContainSubstring(set + ":\t00000000000004eb\n"))
			}
			Expect(status).To(ContainSubstring("CapInh:\t0000000000000000\n"))
			Expect(status).To(ContainSubstring("CapAmb:\t0000000000000000\n"))
			Expect(status).To(ContainSubstring("NoNewPrivs:\t1\n"))
			Expect(status).To(ContainSubstring("Seccomp:\t2\n"))
		})

		// None of them does harm where the jail is open: what would change the machine is only opened to be written.
		DescribeTable("cannot",
			func(ctx SpecContext, script, says string) {
				out := sh(ctx, openSandbox(ctx), script)
				Expect(out.Output).To(ContainSubstring(says))
				Expect(out.Code).NotTo(Equal(0), out.Output)
			},
			Entry("read the environment of the lab's program", "cat /proc/1/environ", "Permission denied"),
			Entry("see its files", "ls -l /proc/1/fd/0", "Permission denied"),
			Entry("read its input", "cat /proc/1/fd/0", "Permission denied"),
			Entry("write its output", ": >> /proc/1/fd/1", "Permission denied"),
			Entry("read its memory", "head -c 1 /proc/1/mem", "Permission denied"),
			Entry("read its memory's map", "cat /proc/1/maps", "Permission denied"),
			Entry("run its program", "/proc/1/exe", "Permission denied"),
			Entry("overwrite its program", ": >> /proc/1/exe", "Permission denied"),
			Entry("go through its root", "ls /proc/1/root/", "Permission denied"),
			Entry("go through its folder", "ls /proc/1/cwd/", "Permission denied"),
			Entry("enter its namespaces", "nsenter -t 1 -m -n -p true", "Permission denied"),
			Entry("make a user namespace", "unshare -U -r true", "Operation not permitted"),
			Entry("make a mount namespace", "unshare -m true", "Operation not permitted"),
			Entry("make a network namespace", "unshare -n true", "Operation not permitted"),
			Entry("make the node of a disk", "mknod /tmp/disk b 254 0", "Operation not permitted"),
			Entry("make the node of the memory", "mknod /tmp/mem c 1 1", "Operation not permitted"),
			Entry("change its root", "chroot /tmp", "Operation not permitted"),
			Entry("give a core dump to a program of its own", ": >> /proc/sys/kernel/core_pattern", "nonexistent"),
			Entry("press a system request key", ": >> /proc/sysrq-trigger", "nonexistent"),
			Entry("read the machine's memory", "cat /proc/kcore", "No such file"),
			Entry("find the machine's devices", "ls /sys/*", "No such file"),
			Entry("change a device that all sandboxes share", "chmod 600 /dev/null; chown 1 /dev/zero", "Read-only file system"),
			Entry("find the sandboxes' folders", "ls /badgateway", "No such file"),
			Entry("find the lab's program", "ls /badgateway-agent", "No such file"),
			Entry("see the neighbour's files", "test -e /srv/neighbour && exit 0; echo none; exit 1", "none"),
			Entry("make the kernel spare it", "echo 0 > /proc/self/oom_score_adj", "Read-only file system"),
		)

		It("sees no processes but its own", func(ctx SpecContext) {
			out := sh(ctx, openSandbox(ctx), `for p in /proc/[0-9]*; do cat $p/comm; done | sort -u | tr '\n' ' '`)
			Expect(strings.Fields(out.Output)).To(HaveEach(BeElementOf("exe", "sh", "cat", "sort", "tr")))
		})
		It("reads and writes the devices that all sandboxes share", func(ctx SpecContext) {
			out := sh(ctx, openSandbox(ctx), "echo gone > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c")
			Expect(out.Code).To(BeZero(), out.Output)
			Expect(out.Output).To(Equal("4\n4"))
		})

		It("ends no processes but its own", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			Expect(sh(ctx, sb, "kill -9 1; kill -9 -1; exit 0").Output).To(ContainSubstring("No such process"))
			Expect(sh(ctx, sb, "for s in 1 2 3 10 12 15 19 21; do kill -$s 1; done; echo there").Output).To(Equal("there"))
			Expect(sh(ctx, sb, "echo still").Output).To(Equal("still"))
		})
		It("changes no files but its own", func(ctx SpecContext) {
			before := sh(ctx, openSandbox(ctx), "cksum /usr/sbin/nginx /etc/passwd /badgateway-libfaketime.so.1").Output
			spoilt := openSandbox(ctx)
			sh(ctx, spoilt, "for f in /usr/sbin/nginx /etc/passwd /badgateway-libfaketime.so.1; do echo x > $f; done; rm -rf /srv /usr/bin")
			Expect(sh(ctx, openSandbox(ctx), "cksum /usr/sbin/nginx /etc/passwd /badgateway-libfaketime.so.1").Output).To(Equal(before))
		})

		DescribeTable("may not make the call",
			func(ctx SpecContext, number int, errno unix.Errno, args string) {
				if untrusted.Engine().IsRemote() {
					Skip("the engine's machine may number its calls in another way")
				}
				script := fmt.Sprintf(`@a = (%[2]s); $r = syscall(%[1]d, @a); exit($r == -1 ? $!+0 : 0)`, number, args)
				out := run(ctx, openSandbox(ctx), "perl", "-e", script)
				Expect(unix.Errno(out.Code)).To(Equal(errno), out.Output)
			},
			Entry(nil, unix.SYS_MOUNT, unix.EPERM, `"none", "/tmp", "tmpfs", 0, 0`),
			Entry(nil, unix.SYS_UMOUNT2, unix.EPERM, `"/proc", 2`),
			Entry(nil, unix.SYS_PTRACE, unix.EPERM, `0, 0, 0, 0`),
			Entry(nil, unix.SYS_PROCESS_VM_READV, unix.EPERM, `1, 0, 0, 0, 0, 0`),
			Entry(nil, unix.SYS_BPF, unix.EPERM, `0, 0, 0`),
			Entry(nil, unix.SYS_KEYCTL, unix.EPERM, `0, 0, 0`),
			Entry(nil, unix.SYS_PERF_EVENT_OPEN, unix.EPERM, `0, 0, 0, 0, 0`),
			Entry(nil, unix.SYS_USERFAULTFD, unix.EPERM, `1`),
			Entry(nil, unix.SYS_OPEN_BY_HANDLE_AT, unix.EPERM, `0, 0, 0`),
			Entry(nil, unix.SYS_FINIT_MODULE, unix.EPERM, `0, "", 0`),
			Entry(nil, unix.SYS_KEXEC_LOAD, unix.EPERM, `0, 0, 0, 0`),
			Entry(nil, unix.SYS_REBOOT, unix.EPERM, `0, 0, 0, 0`),
			Entry(nil, unix.SYS_SETNS, unix.EPERM, `0, 0`),
			Entry(nil, unix.SYS_CLONE, unix.EPERM, fmt.Sprint(unix.CLONE_NEWUSER|int(unix.SIGCHLD))+`, 0, 0, 0, 0`),
			Entry(nil, unix.SYS_CLONE3, unix.ENOSYS, `0, 0`),
			Entry(nil, unix.SYS_IO_URING_SETUP, unix.ENOSYS, `1, 0`),
			Entry("socket to the machine that runs this one (vsock)", unix.SYS_SOCKET, unix.EAFNOSUPPORT, `40, 1, 0`),
			Entry("socket of raw packets", unix.SYS_SOCKET, unix.EAFNOSUPPORT, `17, 3, 0`),
			Entry("socket of the kernel's ciphers", unix.SYS_SOCKET, unix.EAFNOSUPPORT, `38, 5, 0`),
		)
	})

	Describe("by a gateway that hands out all it can read", func() {
		It("shows its sandbox and none other", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			start(ctx, sb, probe)
			Expect(get(ctx, sb, "/etc/passwd")).To(HaveField("Status", 200), "it does hand out files")
			for path, status := range map[string]int{
				"/proc/1/environ": 403, "/proc/1/fd/0": 403, "/proc/1/root/etc/passwd": 403, "/proc/1/maps": 403,
				"/proc/1/task/1/root/etc/passwd": 403, "/proc/sys/kernel/core_pattern": 404, "/proc/kcore": 404,
				"/badgateway/": 404, "/badgateway-agent": 404, "/srv/neighbour": 404, "/sys/kernel/": 404, "/dev/mem": 404,
			} {
				Expect(get(ctx, sb, path).Status).To(Equal(status), path)
			}
		})
		It("may log to its standard output", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			start(ctx, sb, probe)
			get(ctx, sb, "/logged")
			printed, err := sb.ReadTree(ctx, "/badgateway-output")
			Expect(err).NotTo(HaveOccurred())
			Expect(printed).To(HaveKeyWithValue("/badgateway-output/gateway", ContainSubstring("GET /logged")))
		})
	})

	Describe("and runs as it would elsewhere", func() {
		It("with workers of another user, on a port below 1024", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			start(ctx, sb, strings.Replace(probe, "user root;", "user www-data;", 1))
			Expect(get(ctx, sb, "/etc/passwd")).To(HaveField("Status", 200))
			Expect(get(ctx, sb, "/etc/shadow")).To(HaveField("Status", 403), "only root can read it")
			Expect(strings.Fields(sh(ctx, sb, "stat -c %U /proc/[0-9]*").Output)).To(ContainElement("www-data"))
		})
		It("with a program run beside it, which does not end it", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			start(ctx, sb, probe)
			Expect(run(ctx, sb, "nginx", "-s", "reload").Code).To(Equal(0))
			Expect(get(ctx, sb, "/etc/passwd")).To(HaveField("Status", 200))
		})
		It("by the sandbox's clock", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			if !sb.Clocked() {
				Skip("no clock can be moved here")
			}
			date := "LD_PRELOAD=" + lab.FaketimeAt + " FAKETIME_NO_CACHE=1 date +%s"
			var before, after int
			_, err := fmt.Sscan(sh(ctx, sb, date).Output, &before)
			Expect(err).NotTo(HaveOccurred())
			Expect(sb.Wait(ctx, 24*time.Hour)).To(Succeed())
			_, err = fmt.Sscan(sh(ctx, sb, date).Output, &after)
			Expect(err).NotTo(HaveOccurred())
			Expect(after - before).To(BeNumerically("~", 86400, 60))
		})
	})

	It("has limits on what one process may use, whoever that runs as", func(ctx SpecContext) {
		for _, user := range []string{"root", "www-data", "101"} {
			sb, err := untrusted.Open(ctx, lab.Setup{CatchAll: &lab.CatchAll{User: user}})
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(func() { Expect(sb.Close()).To(Succeed()) })
			limits := sh(ctx, sb, "ulimit -H -c; ulimit -H -f; ulimit -H -n").Output
			var core, blocks, open int // blocks have 512 bytes
			_, err = fmt.Sscan(limits, &core, &blocks, &open)
			Expect(err).NotTo(HaveOccurred(), "%s: %s", user, limits)
			Expect([]int{core, blocks}).To(Equal([]int{0, 256 << 20 / 512}), user)
			Expect(open).To(BeNumerically("<=", 65536), user)
		}
	})

	Describe("by links in its folders", func() {
		It("does not lead the lab's own writing out of its sandbox", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			up := strings.Repeat("../", 20)
			Expect(sb.Put(ctx,
				lab.File{Path: "/etc/nginx/up", Link: up},
				lab.File{Path: "/etc/nginx/program", Link: up + "badgateway-agent"},
				lab.File{Path: "/etc/nginx/root", Link: "/proc/1/root"},
				lab.File{Path: "/etc/nginx/own", Link: "/proc/self/root"},
				lab.File{Path: "/etc/nginx/absolute", Link: "/srv"},
			)).To(Succeed())
			Expect(sb.Put(ctx, lab.File{Path: "/etc/nginx/up/escaped", Data: "x"})).To(Succeed())
			Expect(sb.Put(ctx, lab.File{Path: "/etc/nginx/absolute/escaped", Data: "x"})).To(Succeed())
			Expect(sb.Put(ctx, lab.File{Path: "/etc/nginx/program", Data: "x"})).To(Succeed())
			Expect(sb.Put(ctx, lab.File{Path: "/etc/nginx/root/escaped", Data: "x"})).NotTo(Succeed())
			Expect(sb.Put(ctx, lab.File{Path: "/etc/nginx/own/escaped", Data: "x"})).NotTo(Succeed())
			Expect(sh(ctx, sb, "cat /escaped /srv/escaped /etc/nginx/program").Output).To(Equal("xxx"), "all are in the sandbox")
			Expect(sh(ctx, openSandbox(ctx), "ls /escaped /srv/escaped").Output).To(
				And(ContainSubstring("cannot access '/escaped'"), ContainSubstring("cannot access '/srv/escaped'")),
				"the image, which each sandbox begins with, has none of them")
		})
		It("does not lead the lab's own reading out of its sandbox", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			Expect(sh(ctx, sb, `cd /etc/nginx && mkfifo pipe && ln -s /proc/1/root/etc/passwd root &&
				ln -s /proc/1/exe agent && ln -s ../../../../badgateway-agent agent2 && ln -s /dev/zero zero`).Code).To(Equal(0))
			files, err := sb.ReadTree(ctx, "/etc/nginx")
			Expect(err).NotTo(HaveOccurred())
			Expect(files).To(HaveKey("/etc/nginx/nginx.conf"))
			for _, link := range []string{"pipe", "root", "agent", "agent2", "zero"} {
				Expect(files).NotTo(HaveKey("/etc/nginx/" + link))
			}
		})
		It("does not keep the lab waiting for its logs", func(ctx SpecContext) {
			sb, err := untrusted.Open(ctx, lab.Setup{CatchAll: &lab.CatchAll{}, Logs: []string{"/var/log/nginx/pipe", "/var/log/nginx/zero"}})
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(func() { Expect(sb.Close()).To(Succeed()) })
			sh(ctx, sb, "cd /var/log/nginx && mkfifo pipe && ln -s /dev/zero zero")
			start(ctx, sb, probe)
			Expect(get(ctx, sb, "/etc/passwd")).To(HaveField("Status", 200))
		})
		It("does not lead the wiping of its folders out of its sandbox", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			Expect(sh(ctx, sb, "mkdir /wiped && ln -s /usr/sbin /wiped/link && touch /wiped/file").Code).To(Equal(0))
			Expect(sb.Wipe(ctx, "/wiped")).To(Succeed())
			Expect(sh(ctx, sb, "ls /wiped | wc -l; ls /usr/sbin/nginx").Output).To(Equal("0\n/usr/sbin/nginx"))
		})
	})

	Describe("by using up what it can", func() {
		It("multiplies until it is ended", func(ctx SpecContext) {
			for _, forkLoop := range []string{"forkLoop() { forkLoop | forkLoop & }; forkLoop; wait", "forkLoop() { setsid sh -c 'sleep 60' & forkLoop; }; forkLoop"} {
				_, err := openSandbox(ctx).Exec(ctx, "sh", "-c", forkLoop)
				Expect(lab.Overrun(err)).To(MatchError(lab.ErrMultiplied), "%v", err)
			}
		})
		It("multiplies as a gateway until it is ended", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			Expect(sb.Put(ctx, lab.File{Path: nginx.Driver.Conf, Data: "worker_processes 5000;\n" + probe})).To(Succeed())
			_ = sb.StartCommand(ctx, nginx.Driver.Argv...)
			_, err := sb.Exec(ctx, "true")
			Expect(lab.Overrun(err)).To(MatchError(lab.ErrMultiplied), "%v", err)
		})
		It("leaves nothing behind that runs on", func(ctx SpecContext) {
			sb := openSandbox(ctx)
			sh(ctx, sb, "setsid sleep 1000 > /dev/null 2>&1 & sleep 0.1")
			Expect(sh(ctx, sb, "cat /proc/[0-9]*/comm").Output).NotTo(ContainSubstring("sleep"))
		})
		It("takes memory until it is ended", func(ctx SpecContext) {
			_, err := openSandbox(ctx).Exec(ctx, "perl", "-e", `$x .= "x" x 10_000_000 while 1`)
			Expect(lab.Overrun(err)).To(MatchError(lab.ErrOutOfMemory), "%v", err)
		})
		It("fills no disk but its own", func(ctx SpecContext) {
			for range 6 {
				out := sh(ctx, openSandbox(ctx), "for f in /big /dev/shm/big /tmp/big /run/big; do head -c 1G /dev/zero > $f; done; exit 1")
				Expect(out.Output).To(ContainSubstring("No space left on device"))
			}
			Expect(sh(ctx, openSandbox(ctx), "head -c 1M /dev/zero > /some && echo room").Output).To(Equal("room"))
		})
		It("makes no more files than its own disk has", func(ctx SpecContext) {
			out := run(ctx, openSandbox(ctx), "perl", "-e", `mkdir "/tmp/$_" or die "$!\n" for 1..200_000`)
			Expect(out.Output).To(Equal("No space left on device"))
		})
		It("runs and prints no longer than it may", func(ctx SpecContext) {
			endless, loop := openSandbox(ctx), openSandbox(ctx)
			outs := make(chan lab.Executed, 2)
			begun := time.Now()
			go func() {
				out, _ := endless.Exec(ctx, "sh", "-c", "trap '' TERM INT HUP; while :; do echo on and on; done")
				outs <- out
			}()
			go func() {
				out, _ := loop.Exec(ctx, "perl", "-e", "1 while 1")
				outs <- out
			}()
			for range 2 {
				var out lab.Executed
				Eventually(outs).WithTimeout(soon).Should(Receive(&out))
				Expect(out.Code).To(Equal(-1))
				Expect(len(out.Output)).To(BeNumerically("<=", 64<<10))
			}
			Expect(time.Since(begun)).To(BeNumerically(">", 9*time.Second), "they ran to the limit")
		})
	})

	It("reaches nothing outside its network", func(ctx SpecContext) {
		onThisMachine()
		l, err := net.Listen("tcp", ":0")
		Expect(err).NotTo(HaveOccurred())
		defer l.Close()
		var visits atomic.Int32
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				visits.Add(1)
				conn.Close()
			}
		}()
		port := l.Addr().(*net.TCPAddr).Port
		addresses, err := net.InterfaceAddrs()
		Expect(err).NotTo(HaveOccurred())
		sb := openSandbox(ctx)
		tried := 0
		for _, a := range addresses {
			ip := a.(*net.IPNet).IP
			if ip.To4() == nil {
				continue
			}
			tried++
			script := fmt.Sprintf(`use IO::Socket::INET; IO::Socket::INET->new(PeerAddr => "%s:%d", Timeout => 1)`, ip, port)
			run(ctx, sb, "perl", "-e", script)
		}
		Expect(tried).To(BeNumerically(">=", 2), "the loopback and the engine's bridge, at least")
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		Expect(err).NotTo(HaveOccurred())
		conn.Close()
		Eventually(visits.Load).Should(BeNumerically("==", 1), "this program's own")
		Consistently(visits.Load).WithTimeout(200 * time.Millisecond).Should(BeNumerically("==", 1))
	})
})
