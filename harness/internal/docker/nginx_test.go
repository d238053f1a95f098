package docker

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	. "github.com/onsi/gomega"
)

func TestEveryVersionOfNginxHasItsOwnImage(t *testing.T) {
	g := NewWithT(t)
	refs := map[string]bool{}
	for _, v := range NginxVersions() {
		r, err := nginxRecipe(v.Version)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.suite).To(Equal(v.Suite))
		g.Expect(string(r.dockerfile)).To(ContainSubstring("nginx/" + v.Version + "."))
		refs[r.ref("amd64")] = true
	}
	g.Expect(refs).To(HaveLen(len(NginxVersions())))
	byDefault, err := nginxRecipe("")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(byDefault.suite).To(Equal(ownSuite))
	g.Expect(string(byDefault.dockerfile)).To(ContainSubstring("nginx/" + DefaultNginx + "."))
}

func TestAVersionOfNginxThatCantBeHadNamesThoseThatCan(t *testing.T) {
	g := NewWithT(t)
	e := &Engine{} // it is not asked
	for _, ask := range []func() (string, error){
		func() (string, error) { return e.Nginx(context.Background(), "1.29") },
		func() (string, error) { return e.Image(context.Background(), "nginx:1.29") },
	} {
		_, err := ask()
		var no *NoNginxError
		g.Expect(errors.As(err, &no)).To(BeTrue(), "%v", err)
		g.Expect(err).To(MatchError(And(ContainSubstring("nginx 1.29"), ContainSubstring("--image nginx:1.29"))))
		for _, v := range NginxVersions() {
			g.Expect(err.Error()).To(ContainSubstring(v.Version))
		}
	}
}

func TestNoModuleOfNginxIsLoadedAndEachCanBe(t *testing.T) {
	e := realEngine(t)
	ctx := context.Background()
	_, err := e.Image(ctx, "nginx")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, v := range NginxVersions() {
		t.Run(v.Version, func(t *testing.T) {
			g := NewWithT(t)
			r, err := nginxRecipe(v.Version)
			g.Expect(err).NotTo(HaveOccurred())
			ref := r.ref(e.arch)
			if there, err := e.has(ctx, ref); err == nil && !there {
				t.Skipf("the image is not here: badgateway images --nginx %s makes it", v.Version)
			}
			// Those that others need come first; after them, the order is free.
			out := runIn(g, e, ref, `
				set -eu
				nginx -v 2>&1
				echo "enabled: $(ls -A /etc/nginx/modules-enabled | wc -l)"
				modules=/usr/lib/nginx/modules
				load() { echo "load_module $modules/$1;"; echo "$1" >&2; }
				cd $modules
				{
					first='ndk_http_module.so ngx_stream_module.so'
					for m in $first; do load $m; done
					for m in *.so; do case " $first " in *" $m "*) ;; *) load $m ;; esac; done
					echo 'events {} http { more_set_headers "A: b"; server { location / { content_by_lua_block { ngx.exit(200) } } } }'
					echo 'stream { server { listen 127.0.0.1:1; proxy_pass 127.0.0.1:2; } }'
				} > /all.conf
				nginx -t -c /all.conf 2>&1
				echo 'events {} stream {}' > /none.conf
				nginx -t -c /none.conf 2>&1 || echo "as it should be"`)
			g.Expect(out).To(ContainSubstring("nginx/" + v.Version + "."))
			g.Expect(out).To(ContainSubstring("enabled: 0\n"))
			g.Expect(out).To(ContainSubstring("/all.conf test is successful"))
			g.Expect(out).To(MatchRegexp(`unknown directive "stream"(?s:.*)as it should be`))
			for _, m := range []string{"lua", "headers_more", "geoip2", "perl", "image_filter", "echo"} {
				g.Expect(out).To(ContainSubstring("ngx_http_" + m))
			}
		})
	}
}

func TestFaketimeLoadsInTheImageItIsFor(t *testing.T) {
	e := realEngine(t)
	ctx := context.Background()
	ownCache(t)
	ours, err := e.Faketime(ctx)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, v := range NginxVersions() {
		t.Run(v.Version, func(t *testing.T) {
			g := NewWithT(t)
			r, err := nginxRecipe(v.Version)
			g.Expect(err).NotTo(HaveOccurred())
			ref := r.ref(e.arch)
			if there, err := e.has(ctx, ref); err == nil && !there {
				t.Skipf("the image is not here: badgateway images --nginx %s makes it", v.Version)
			}
			lib, err := e.FaketimeFor(ctx, ref)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(lib)).To(HavePrefix("\x7fELF"))
			own, err := e.fileFrom(ctx, ref, FaketimePath)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(lib).To(Equal(own))
			// A clock that stands at midnight of a day long gone.
			out := runIn(g, e, ref, "echo '@2001-02-03 00:00:00 x0' > /etc/faketimerc; LD_PRELOAD="+FaketimePath+" date -u +%F 2>&1")
			g.Expect(out).To(Equal("2001-02-03\n"))
		})
	}
	g := NewWithT(t)
	strangers, err := e.FaketimeFor(ctx, "nginx:1.29")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strangers).To(Equal(ours))
}

// runIn runs a shell script in a container of an image, with no network, and
// returns all that it says.
func runIn(g Gomega, e *Engine, ref, script string) string {
	ctx := context.Background()
	made, err := e.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: ref, Entrypoint: []string{"/bin/sh", "-c", script}, Labels: Labels(),
		},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _, _ = e.client.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true}) }()
	ended := e.client.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	_, err = e.client.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	select {
	case <-ended.Result:
	case err := <-ended.Error:
		g.Expect(err).NotTo(HaveOccurred())
	}
	logs, err := e.client.ContainerLogs(ctx, made.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	g.Expect(err).NotTo(HaveOccurred())
	defer logs.Close()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &out, logs)
	g.Expect(err).NotTo(HaveOccurred())
	return out.String()
}
