package suites

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/lab"
)

// catchAllConf calls what no machine at hand has: names, addresses of other networks, a socket, itself.
const catchAllConf = `error_log /var/log/nginx/error.log warn;
events {}
http {
    upstream pool { server app:8080; server 10.1.2.3:9000; }
    server {
        listen 80;
        location / { proxy_pass http://pool; }
        location /literal { proxy_pass http://172.16.5.5:81; }
        location /six { proxy_pass http://[2001:db8::5]:88; }
        location /socket { include fastcgi_params; fastcgi_pass unix:/run/php/php.sock; }
        location /tls { proxy_pass https://secure.internal; proxy_ssl_server_name on; }
        location /late { resolver 10.9.9.9; set $app late.internal:99; proxy_pass http://$app; }
        location /self { proxy_pass http://127.0.0.1:8081; }
        location /loop { proxy_pass http://127.0.0.1; }
    }
    server { listen 127.0.0.1:8081; location / { proxy_pass http://inner; } }
    server { listen 10.5.5.5:8443; location / { proxy_pass http://app:8080; } }
}
`

var _ = Describe("a sandbox", func() {
	var sb *lab.Sandbox

	BeforeEach(func(ctx SpecContext) {
		var err error
		sb, err = shared.Open(ctx, lab.Setup{CatchAll: &lab.CatchAll{Sockets: []string{"/run/php/php.sock"}}, Logs: []string{"/var/log/nginx/error.log"}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(sb.Close)
		Expect(sb.Put(ctx, lab.File{Path: "/etc/nginx/nginx.conf", Data: catchAllConf})).To(Succeed())
		Expect(sb.StartCommand(ctx, "nginx", "-g", "daemon off;")).To(Succeed())
	})

	visit := func(ctx context.Context, to, path string) lab.ProbeAnswer {
		GinkgoHelper()
		a, err := sb.Probe(ctx, lab.ProbeSpec{
			To: to, Raw: []byte("GET " + path + " HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"),
			Steps: []time.Duration{time.Minute}, Limit: time.Hour,
		})
		Expect(err).NotTo(HaveOccurred())
		return a
	}
	names := func(a lab.ProbeAnswer) (all []string) {
		for _, c := range a.Events.Calls {
			if c.Self {
				all = append(all, "itself")
				continue
			}
			if c.Name != "" {
				all = append(all, c.Name)
				continue
			}
			all = append(all, c.At)
		}
		return all
	}

	DescribeTable("has an upstream at whatever the gateway calls", func(ctx SpecContext, path string, calls ...string) {
		a := visit(ctx, "192.0.2.80:80", path)
		Expect(a.Status).To(Equal(200))
		Expect(names(a)).To(ConsistOf(calls))
	},
		Entry("a name", "/", "app"),
		Entry("an address of another network", "/literal", "172.16.5.5:81"),
		Entry("an IPv6 address", "/six", "[2001:db8::5]:88"),
		Entry("a unix socket", "/socket", "unix:/run/php/php.sock"),
		Entry("a name over TLS", "/tls", "secure.internal"),
		Entry("a name that is looked up while the request runs", "/late", "late.internal"),
		Entry("itself, and what that calls", "/self", "itself", "inner"),
	)

	It("reaches the gateway at whatever address it listens at", func(ctx SpecContext) {
		Expect(visit(ctx, "10.5.5.5:8443", "/").Status).To(Equal(200))
	})

	It("cuts off a gateway that calls itself without end", func(ctx SpecContext) {
		a := visit(ctx, "192.0.2.80:80", "/loop")
		Expect(a.Events.Loop).To(BeTrue())
		Expect(a.Status).To(Equal(502))
	})

	It("breaks one upstream and leaves the others well", func(ctx SpecContext) {
		Expect(sb.SetBehaviour(ctx, []lab.UpstreamBehaviour{{At: "172.16.5.5:81", Down: "refused"}}, nil)).To(Succeed())
		a := visit(ctx, "192.0.2.80:80", "/literal")
		Expect(a.Status).To(Equal(502))
		Expect(a.Logs["/var/log/nginx/error.log"]).To(ContainSubstring("connect() failed (111: Connection refused)"))
		Expect(visit(ctx, "192.0.2.80:80", "/socket").Status).To(Equal(200))
		Expect(sb.SetBehaviour(ctx, nil, nil)).To(Succeed())
		Expect(visit(ctx, "192.0.2.80:80", "/literal").Status).To(Equal(200))
	})

	It("takes thousands of upstreams down at once, and brings them back", func(ctx SpecContext) {
		var down []lab.UpstreamBehaviour
		for i := range 2500 {
			down = append(down, lab.UpstreamBehaviour{At: fmt.Sprintf("10.20.%d.%d:9000", i/250, i%250+1), Down: "refused"},
				lab.UpstreamBehaviour{At: fmt.Sprintf("[2001:db8:1::%x]:9000", i+1), Down: "off"})
		}
		down = append(down, lab.UpstreamBehaviour{At: "172.16.5.5:81", Down: "refused"}, lab.UpstreamBehaviour{At: "172.16.5.5:81", Down: "off"},
			lab.UpstreamBehaviour{At: "[2001:db8::5]:88", Down: "off"})
		Expect(sb.SetBehaviour(ctx, down, nil)).To(Succeed())
		Expect(visit(ctx, "192.0.2.80:80", "/literal").Status).To(Equal(502), "the first behaviour of an address counts")
		Expect(visit(ctx, "192.0.2.80:80", "/six").Status).To(Equal(504))
		Expect(visit(ctx, "192.0.2.80:80", "/").Status).To(Equal(200))
		Expect(sb.SetBehaviour(ctx, down[:1], nil)).To(Succeed())
		Expect(visit(ctx, "192.0.2.80:80", "/literal").Status).To(Equal(200))
		Expect(visit(ctx, "192.0.2.80:80", "/six").Status).To(Equal(200))
	})

	DescribeTable("proves a wait of a minute from both sides", func(ctx SpecContext, c lab.UpstreamBehaviour, path string, status int, cut bool) {
		Expect(sb.SetBehaviour(ctx, []lab.UpstreamBehaviour{c}, nil)).To(Succeed())
		a := visit(ctx, "192.0.2.80:80", path)
		Expect(a.Status).To(Equal(status))
		Expect(a.Cut).To(Equal(cut))
		Expect(a.NotBefore).To(BeNumerically("~", time.Minute, time.Second))
		Expect(a.NotBefore).To(BeNumerically("<", time.Minute))
		Expect(a.Waited).To(BeNumerically(">=", time.Minute))
		Expect(a.Waited).To(BeNumerically("<", time.Minute+time.Second))
	},
		Entry("the host is off", lab.UpstreamBehaviour{At: "172.16.5.5:81", Down: "off"}, "/literal", 504, false),
		Entry("nothing is answered", lab.UpstreamBehaviour{Script: fakeupstream.Always(fakeupstream.Silent{})}, "/socket", 504, false),
		Entry("the answer stalls", lab.UpstreamBehaviour{Script: fakeupstream.Always(fakeupstream.Stall{})}, "/literal", 200, true),
	)

	It("tells when there is no answer at all", func(ctx SpecContext) {
		// Something is sent each 30 s, so that no time-out of the gateway's ever ends it.
		drip := fakeupstream.Drip{From: fakeupstream.AtBody, Every: 30 * time.Second, Answer: fakeupstream.Well{BodySize: 100000}}
		Expect(sb.SetBehaviour(ctx, []lab.UpstreamBehaviour{{Script: fakeupstream.Always(drip)}}, nil)).To(Succeed())
		a := visit(ctx, "192.0.2.80:80", "/literal")
		Expect(a.Endless).To(BeTrue())
		Expect(a.Waited).To(BeNumerically(">=", time.Hour))
	})

	It("moves and removes names", func(ctx SpecContext) {
		before := visit(ctx, "192.0.2.80:80", "/late").Events.Calls[0].At
		Expect(sb.SetBehaviour(ctx, nil, []lab.NameBehaviour{{Name: "late.internal", Move: 1}})).To(Succeed())
		Expect(sb.Wait(ctx, 6*time.Second)).To(Succeed())
		after := visit(ctx, "192.0.2.80:80", "/late").Events.Calls[0].At
		Expect(after).NotTo(Equal(before))
		Expect(sb.SetBehaviour(ctx, nil, []lab.NameBehaviour{{Name: "late.internal", Gone: true}})).To(Succeed())
		Expect(sb.Wait(ctx, 6*time.Second)).To(Succeed())
		a := visit(ctx, "192.0.2.80:80", "/late")
		Expect(a.Status).To(Equal(502))
		Expect(a.Logs["/var/log/nginx/error.log"]).To(ContainSubstring("could not be resolved (3: Host not found)"))
	})
})
