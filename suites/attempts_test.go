package suites

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	. "github.com/badgateway/badgateway/harness/match"
)

// What the lab sees of the gateway's calls, held against what nginx itself writes down of a request.
var _ = Describe("the tries of a request", func() {
	const logged = "/var/log/nginx/tries.log"
	const conf = `error_log /var/log/nginx/error.log warn;
user www-data;
events {}
http {
    log_format tries '$upstream_addr';
    access_log ` + logged + ` tries;
    upstream pool { server 10.0.0.1:8080; server 10.0.0.2:8080; }
    upstream kept { server 10.0.0.3:8080; keepalive 2; }
    server {
        listen 80;
        location = /nowhere { return 204; }
        location /pool { proxy_pass http://pool; }
        location /kept { proxy_pass http://kept; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /six { proxy_pass http://[fd00::1]:8080; }
        location /socket { proxy_pass http://unix:/run/app.sock:; }
        location /missing { proxy_pass http://unix:/run/none.sock:; }
        location /unreachable { proxy_pass http://1.1.1.1; }
        location /then { proxy_pass http://10.0.0.4:8080; proxy_intercept_errors on; error_page 502 503 = @second; }
        location @second { proxy_pass http://10.0.0.3:8080; }
        location /internally { proxy_pass http://10.0.0.5:8080; }
        location /moved { internal; proxy_pass http://10.0.0.3:8080; }
        location /found { proxy_pass http://10.0.0.3:8080; error_log /dev/null; access_log ` + logged + ` tries; }
    }
}
`
	It("are those that nginx writes down, whatever becomes of them", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{Gateway: gatewayOf(conf), Upstreams: []lab.Upstream{
			fakeAt("one", "10.0.0.1:8080", fakeupstream.Well{}), fakeAt("two", "10.0.0.2:8080", fakeupstream.Well{}),
			fakeAt("kept", "10.0.0.3:8080", fakeupstream.Well{}), fakeAt("closes", "10.0.0.4:8080", fakeupstream.Close{}),
			fakeAt("six", "[fd00::1]:8080", fakeupstream.Well{}), fakeAt("socket", "unix:/run/app.sock", fakeupstream.Well{}),
			fakeAt("leads", "10.0.0.5:8080", fakeupstream.Well{Headers: []string{"X-Accel-Redirect: /moved"}}),
		}})
		var dead fault.Stack
		reused := false
		for round := range 3 {
			for _, path := range []string{
				"/nowhere", "/pool", "/pool", "/pool", "/kept", "/kept", "/six", "/socket", "/missing", "/unreachable", "/then", "/kept",
				"/internally", "/found", "/pool",
			} {
				x := ask(ctx, c, lab.Request{Path: path})
				text, _, err := c.ReadFile(ctx, logged)
				Expect(err).NotTo(HaveOccurred())
				lines := strings.Split(strings.TrimSpace(text), "\n")
				var want []string
				for _, addr := range strings.Split(strings.ReplaceAll(lines[len(lines)-1], " : ", ", "), ", ") {
					if addr != "-" && addr != "pool" && addr != "" { // the pool's name stands for nobody
						want = append(want, addr)
					}
				}
				Expect(x).To(HaveTriedPeers(want...), "round %d, %s: nginx wrote %q", round, path, lines[len(lines)-1])
				for _, t := range x.Tries {
					reused = reused || t.Kept
				}
			}
			switch round {
			case 0:
				Expect(dead.Inject(ctx, c, fault.Stop{Upstream: "two"})).To(Succeed())
			case 1:
				Expect(dead.Inject(ctx, c, fault.Stop{Upstream: "one"})).To(Succeed())
			}
		}
		Expect(reused).To(BeTrue(), "no kept connection was used")
	})

	It("are known of a config that logs nothing, and count what it asks on the side", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{
			Gateway: gatewayOf(`events {}
error_log /dev/null;
http {
    access_log off;
    server {
        listen 80;
        location / { auth_request /auth; proxy_pass http://10.0.0.2:8080; }
        location = /auth { internal; proxy_pass http://10.0.0.1:8080; }
    }
}
`),
			Upstreams: []lab.Upstream{fakeAt("auth", "10.0.0.1:8080", fakeupstream.Well{}), fakeAt("app", "10.0.0.2:8080", fakeupstream.Well{})},
		})
		Expect(ask(ctx, c, lab.Request{})).To(And(HaveStatus(200), HaveTriedPeers("10.0.0.1:8080", "10.0.0.2:8080")))
	})
})
