package suites

import (
	"context"
	"embed"
	"encoding/json"
	"os"
	"path"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/lab"
)

// Images as others make them, each in the likeness of a kind that people run.
//
//go:embed testdata/images
var builds embed.FS

// buildOf is the image of one of them. What it is made from is an argument of its Dockerfile.
func buildOf(ctx context.Context, name string, args map[string]string) string {
	GinkgoHelper()
	text, err := builds.ReadFile(path.Join("testdata/images", name, "Dockerfile"))
	Expect(err).NotTo(HaveOccurred())
	return madeFrom(ctx, name, string(text), args)
}

func madeFrom(ctx context.Context, name, dockerfile string, args map[string]string) string {
	GinkgoHelper()
	ref, err := shared.Engine().ImageFrom(ctx, "like-"+name, []byte(dockerfile), args)
	Expect(err).NotTo(HaveOccurred())
	return ref
}

// ownNginx is what the cheap ones are made from, so that nothing has to be compiled.
func ownNginx(ctx context.Context) map[string]string {
	GinkgoHelper()
	ref, err := shared.Engine().Nginx(ctx, "")
	Expect(err).NotTo(HaveOccurred())
	return map[string]string{"GATEWAY": ref}
}

// checkedImage is the report of a check of an image's own config.
func checkedImage(code int, words ...any) audit.Report {
	GinkgoHelper()
	c := badgateway(append([]any{"check", "--json", "--quiet"}, words...)...)
	Eventually(c.Session).WithTimeout(2 * time.Minute).Should(gexec.Exit(code))
	var r audit.Report
	Expect(json.Unmarshal([]byte(c.stdout()), &r)).To(Succeed())
	return r
}

// waits is how long the only route of a report waits for an upstream that is silent: its proxy_read_timeout, which says
// whose config it is.
func waits(r audit.Report) time.Duration {
	GinkgoHelper()
	Expect(r.Refused).To(BeNil())
	Expect(r.Routes).To(HaveLen(1))
	all := r.Routes[0].Measurements
	i := slices.IndexFunc(all, func(c audit.Measurement) bool { return c.Fault == "silent" })
	Expect(i).To(BeNumerically(">=", 0))
	Expect(all[i].Outcome.Status).To(Equal(504), "%+v", all[i])
	return all[i].Outcome.Waited.Round(time.Second)
}

var _ = Describe("an image runs as it does in production", func() {
	DescribeTable("its own config is checked, as its user, with its environment, by its own start",
		func(ctx SpecContext, name, route string, want time.Duration, words ...any) {
			ref := buildOf(ctx, name, ownNginx(ctx))
			r := checkedImage(0, append([]any{"--image", ref, "--fault", "silent"}, words...)...)
			Expect(waits(r)).To(Equal(want))
			Expect(r.Routes[0].ID).To(Equal(route))
		},
		Entry("a user of its own and templates that its ENV fills", "templates", ":8080/", 30*time.Second),
		Entry("templates that --env fills, as docker run -e does", "templates", ":9000/", 9*time.Second,
			"--env", "READ_TIMEOUT=9s", "--env", "PORT=9000"),
		Entry("volumes over its config", "volumes", ":80/", 7*time.Second),
		Entry("a prefix, a config and a pid file that ENTRYPOINT, CMD and WORKDIR name", "moved", ":8080/", 11*time.Second),
		Entry("no shell, no tools, no users", "distroless", ":80/", 13*time.Second),
	)

	DescribeTable("one that would not start in production does not start here",
		func(ctx SpecContext, dockerfile, kind, says string) {
			ref := madeFrom(ctx, "broken", "ARG GATEWAY\nFROM ${GATEWAY}\n"+dockerfile, ownNginx(ctx))
			r := checkedImage(2, "--image", ref, "--fault", "silent")
			Expect(r.Refused).NotTo(BeNil())
			Expect(r.Refused.Kind).To(Equal(kind))
			Expect(r.Refused.Message).To(ContainSubstring(says))
		},
		Entry("its user may not write where nginx does", "USER 33\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\n", "mistake", "Permission denied"),
		Entry("its user is nobody", "USER gateway\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\n", "start", "the image's USER gateway"),
		Entry("its start fails before nginx", "ENTRYPOINT [\"/bin/sh\", \"-c\", \"echo no secret here; exit 3\"]\n", "start", "no secret here"),
		Entry("nginx goes to the background, and the container with it", "CMD [\"nginx\"]\n", "start", "leaves the foreground"),
	)

	It("leaves no volume of an image's behind", func(ctx SpecContext) {
		l, err := lab.Start(ctx, lab.Options{GatewayImage: buildOf(ctx, "volumes", ownNginx(ctx)), Logger: toGinkgo})
		Expect(err).NotTo(HaveOccurred())
		var volumes []string
		for id := range containersOf(ctx, os.Getpid()) {
			c, err := l.Engine().Client().ContainerInspect(ctx, id, client.ContainerInspectOptions{})
			Expect(err).NotTo(HaveOccurred())
			for _, m := range c.Container.Mounts {
				if m.Destination == "/etc/nginx/conf.d" {
					volumes = append(volumes, m.Name)
				}
			}
		}
		Expect(volumes).To(HaveLen(1))
		Expect(l.Close()).To(Succeed())
		_, err = l.Engine().Client().VolumeInspect(ctx, volumes[0], client.VolumeInspectOptions{})
		Expect(errdefs.IsNotFound(err)).To(BeTrue(), "%v", err)
	})

	It("has the catalogue on an image with nothing but nginx", func(ctx SpecContext) {
		c := badgateway("run", "app-dies", "body-drips", "fpm-dead", "uwsgi-dead", "two-lengths", "not-http", "sni-missing",
			"--gateway-image", buildOf(ctx, "distroless", ownNginx(ctx)))
		Eventually(c.Session).WithTimeout(2 * time.Minute).Should(gexec.Exit(0))
	})
})

// What has to be compiled takes minutes, and so it is only tried when asked: make test-images.
var _ = Describe("images of other builds", func() {
	BeforeEach(func() {
		if os.Getenv("BADGATEWAY_IMAGES") == "" {
			Skip("compiling nginx takes minutes: make test-images does it")
		}
	})

	build := func(ctx context.Context, name string) string {
		GinkgoHelper()
		return buildOf(ctx, name, map[string]string{"BUILD": buildOf(ctx, "compiled", nil)})
	}

	for _, name := range []string{"nginx-org", "bitnami", "openresty"} {
		It("has the whole catalogue green on the likeness of "+name, func(ctx SpecContext) {
			c := badgateway("run", "--all", "--gateway-image", build(ctx, name))
			Eventually(c.Session).WithTimeout(5 * time.Minute).Should(gexec.Exit(0))
		})

		It("checks the own config of the likeness of "+name, func(ctx SpecContext) {
			Expect(waits(checkedImage(0, "--image", build(ctx, name), "--fault", "silent"))).To(Equal(30 * time.Second))
		})
	}

	It("moves the clock of an nginx that is built for musl", func(ctx SpecContext) {
		// The minute itself is what the check objects to.
		r := checkedImage(1, "--image", buildOf(ctx, "musl", nil), "--fault", "silent")
		Expect(r.Clock).To(Equal(lab.ClockMoved), r.ClockWhy)
		Expect(waits(r)).To(Equal(time.Minute))
	})

	for _, version := range []string{"1.18", "1.26", "1.30"} {
		It("has the whole catalogue green on Debian's nginx "+version, func(ctx SpecContext) {
			ref, err := shared.Engine().Nginx(ctx, version)
			Expect(err).NotTo(HaveOccurred())
			c := badgateway("run", "--all", "--gateway-image", ref)
			Eventually(c.Session).WithTimeout(5 * time.Minute).Should(gexec.Exit(0))
		})
	}

	DescribeTable("a lab on this image says what its version does", func(ctx SpecContext, version, expect, why string) {
		ref, err := shared.Engine().Nginx(ctx, version)
		Expect(err).NotTo(HaveOccurred())
		c := badgateway("lab", "two-lengths", "--gateway-image", ref)
		Eventually(c.Out).WithTimeout(time.Minute).Should(gbytes.Say("expect: +" + expect + "\n"))
		Eventually(c.Out).Should(gbytes.Say("time: "))
		if why == "" {
			Expect(c.stdout()).NotTo(ContainSubstring("why:"))
		} else {
			Expect(c.stdout()).To(MatchRegexp("why: +" + why))
		}
		_, err = c.in.Write([]byte("\n"))
		Expect(err).NotTo(HaveOccurred())
		Eventually(c.Out).WithTimeout(time.Minute).Should(gbytes.Say("mended: "))
		_, err = c.in.Write([]byte("\n"))
		Expect(err).NotTo(HaveOccurred())
		Eventually(c.Session).WithTimeout(time.Minute).Should(gexec.Exit(0))
	},
		Entry("1.18 takes the header twice", "1.18", "200", ""),
		Entry("1.26 refuses it", "1.26", "502", `nginx refuses a header .* since 1\.23\.0`),
	)
})
