package suites

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

var _ = Describe("the lab is sealed", func() {
	It("on an engine that has no network called bridge, where it makes none either", func() {
		var made atomic.Int32
		host := engineWith(func(r *http.Request, pass func() int) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/networks"):
				r.URL.RawQuery = "filters=" + `{"driver":{"null":true}}` // all that such an engine would list
			case strings.HasSuffix(r.URL.Path, "/networks/create"):
				made.Add(1)
				return
			}
			pass()
		})
		c := badgateway("run", "fpm-dead", env("DOCKER_HOST", host)).ended()
		Expect(c).To(gexec.Exit(0))
		Expect(made.Load()).To(BeZero())
	})

	It("or it does not start, and says so: an engine that connects it to a network is found out", func(ctx SpecContext) {
		host := engineThatMakes(`"NetworkMode":"none"`, `"NetworkMode":"bridge"`)
		c := badgateway("run", "fpm-dead", "--twin", "fake", env("DOCKER_HOST", host)).ended()
		Expect(c).To(gexec.Exit(3))
		Expect(c.stderr()).To(ContainSubstring("the lab is not sealed: the engine has connected its container to a network (eth0)"))
		Expect(leftOf(ctx, c.pid())).To(BeEmpty())
	})

	It("or takes no untrusted config: an engine that applies no limits is found out", func(ctx SpecContext) {
		host := engineThatMakes(`"Memory":1073741824,`, `"Memory":0,`, `"MemorySwap":1073741824,`, `"MemorySwap":0,`)
		conf := file("nginx.conf", carefulPolicy)
		c := badgateway("check", conf, env("DOCKER_HOST", host)).ended()
		Expect(c).To(gexec.Exit(3))
		Expect(c.stderr()).To(And(ContainSubstring("memory"), ContainSubstring("--without-limits")))
		Expect(leftOf(ctx, c.pid())).To(BeEmpty())
		c = badgateway("check", conf, "--without-limits", env("DOCKER_HOST", host)).ended()
		Expect(c).To(gexec.Exit(0), "%s", c.stderr())
	})
})

// engineThatMakes is an engine that makes containers with some parts of what it is told replaced: old, new, old, new.
func engineThatMakes(parts ...string) string {
	GinkgoHelper()
	replace := strings.NewReplacer(parts...)
	return engineWith(func(r *http.Request, pass func() int) {
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			text := replace.Replace(string(body))
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		}
		pass()
	})
}
