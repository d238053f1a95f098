package nginxconf

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// follow reads a config and finds its routes; it reports how much was allocated for that, in MiB.
func follow(t *testing.T, text string) (routes []Route, allocated uint64) {
	t.Helper()
	g := NewWithT(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := Read(Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
	g.Expect(err).NotTo(HaveOccurred())
	routes = c.Routes(t.Context())
	runtime.ReadMemStats(&after)
	return routes, (after.TotalAlloc - before.TotalAlloc) >> 20
}

func lines(n int, format string) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, strings.ReplaceAll(format, "PREVIOUS", fmt.Sprint(max(0, i-1)))+"\n", i)
	}
	return out.String()
}

// Texts that double, and requests that lead on without end, are given up where they become too much, and the other routes
// are worked out all the same.
func TestRoutes_StopWhereTextsGrow(t *testing.T) {
	const beside = "server { listen 81; location / { proxy_pass http://well; } }"
	for name, c := range map[string]struct{ config, why string }{
		"set": {"http { server { listen 80; set $v0 /x;\n" + lines(40, "set $v%d $vPREVIOUS$vPREVIOUS;") +
			"location / { proxy_pass http://app; } }", "not worked out: set makes a value of more than 32 KiB (nginx.conf:"},
		"rewrite": {"http { server { listen 80; location / { rewrite ^(.*)$ $1" + strings.Repeat("$1", 11) + " last; proxy_pass http://app; } }",
			"not worked out: rewrite makes a value of more than 32 KiB (nginx.conf:1)"},
		"many long values": {"http { server { listen 80; set $v0 /x;\n" + lines(13, "set $v0 $v0$v0;#%d") + lines(5000, "set $w%d x$v0;") +
			"location / { proxy_pass http://app; } }", "not worked out: set makes a value of more than 32 KiB (nginx.conf:"},
		"query": {"http { server { listen 80; location / {\n" + lines(20000, "rewrite ^ /x?argument%d=1;") + "proxy_pass http://app; } }",
			"not worked out: rewrite makes a value of more than 32 KiB (nginx.conf:"},
		"map": {"http {\n" + lines(60, "map $uri $m%d { default $mPREVIOUS$mPREVIOUS; }") + "map $uri $start { default x; }" +
			"server { listen 80; location / { set $x $m59; proxy_pass http://$m59; } }", ""},
		"error pages": {"http { server { listen 80; recursive_error_pages on; proxy_intercept_errors on;\n" +
			lines(40, "location /l%[1]d { auth_request /l0; auth_request_set $a $b; error_page 401 403 500 /l1; error_page 502 504 /l2; error_page 404 /l3; proxy_pass http://app%[1]d; }") + "}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			routes, allocated := follow(t, c.config+"\n"+beside+"}")
			g.Expect(allocated).To(BeNumerically("<", 1500), "MiB")
			well := routes[len(routes)-1]
			g.Expect(well.ID).To(Equal(":81/"))
			g.Expect(well.Candidates).NotTo(BeEmpty())
			if c.why != "" {
				g.Expect(routes[0].Candidates).To(BeEmpty())
				g.Expect(routes[0].UnreachableReason).To(HavePrefix(c.why))
			}
		})
	}
}

// Expressions are kept once they were compiled: where they are too long together, the routes say that they were not worked out.
func TestRoutes_BoundExpressions(t *testing.T) {
	g := NewWithT(t)
	for text, bounded := range map[string]bool{
		"location ~ \"^/((a{10}){10}){9}%d$\" { proxy_pass http://app; }": true,
		"location ~ ^/(a+)%d$ { proxy_pass http://app; }":                 false,
	} {
		c, err := Read(Map(map[string]string{"nginx.conf": "http { server { listen 80;" + lines(400, text) + "} }"}), "nginx.conf", "/etc/nginx")
		g.Expect(err).NotTo(HaveOccurred())
		routes := c.Routes(t.Context())
		g.Expect(routes).To(HaveLen(400))
		if last := routes[len(routes)-1]; bounded {
			g.Expect(last.UnreachableReason).To(Equal(configExceeded))
		} else {
			g.Expect(last.Candidates).NotTo(BeEmpty(), last.UnreachableReason)
		}
		compiled := 0
		for _, p := range c.Main[0].Block[0].all("location") {
			if p.pattern.fast != nil {
				compiled++
			}
		}
		g.Expect(compiled == 400).To(Equal(!bounded), "%d compiled", compiled)
	}
}

// One location that takes too much leaves enough for the others.
func TestRoutes_BoundTheWorkOfOneLocation(t *testing.T) {
	g := NewWithT(t)
	routes, _ := follow(t, "http { server { listen 80; location /long {\n"+lines(100_000, "if ($arg_x%[1]d = 1) { set $y %[1]d; }")+
		"proxy_pass http://app; } location /short { proxy_pass http://app; } } }")
	g.Expect(routes).To(HaveLen(2))
	g.Expect(routes[1].Candidates).NotTo(BeEmpty())
}

// Whoever ends the context does not wait for the routes.
func TestRoutes_EndWithTheContext(t *testing.T) {
	g := NewWithT(t)
	c, err := Read(Map(map[string]string{"nginx.conf": "http { server { listen 80;" + lines(1000, "location /%d { proxy_pass http://app; }") + "} }"}), "nginx.conf", "/etc/nginx")
	g.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	worked := 0
	for _, route := range c.Routes(ctx) {
		if len(route.Candidates) > 0 {
			worked++
		}
	}
	g.Expect(worked).To(BeNumerically("<", 100))
}
