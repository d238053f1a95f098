package suites

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/scenarios"
)

func startLab(b *testing.B) *lab.Lab {
	b.Helper()
	l, err := lab.Start(context.Background(), lab.Options{Install: true, Logger: slog.New(slog.NewTextHandler(b.Output(), nil))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// nginxOnly are the jobs of nginx whose upstreams are fakes, and whose faults need no time of the kernel's own.
func nginxOnly(b *testing.B, times int) []scenario.Job {
	b.Helper()
	some, err := scenarios.Select("family:sanity", "family:answer", "fpm-dead", "php-parse-error")
	if err != nil {
		b.Fatal(err)
	}
	var jobs []scenario.Job
	for range times {
		for _, j := range scenarios.Jobs(some) {
			if j.Variant.Kind == scenario.Fake && j.Scenario.Gateway.Driver.Name == nginx.Driver.Name {
				jobs = append(jobs, j)
			}
		}
	}
	scenarios.Shuffle(jobs, 1)
	return jobs
}

// BenchmarkScenarios is how many scenarios a second are proven, evidence and all, in one lab and in two, against the same
// fault made by hand with plain nginx processes in the same container.
func BenchmarkScenarios(b *testing.B) {
	labs := []*lab.Lab{startLab(b), startLab(b)}
	const cases = 400
	for b.Loop() {
		took, err := labs[0].Baseline(b.Context(), cases, 4)
		if err != nil {
			b.Fatal(err)
		}
		byHand := cases / took.Seconds()
		b.ReportMetric(byHand, "by-hand/s")
		for n, unit := range map[int]string{1: "one-lab/s", 2: "two-labs/s"} {
			jobs := nginxOnly(b, 20)
			begun := time.Now()
			all, err := scenario.Batch{Labs: labs[:n], Parallel: 8 / n}.Run(b.Context(), jobs)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range all {
				if e.Verdict != scenario.Passed {
					b.Fatalf("%s: %s %v", e.Scenario, e.Error, e.Differences)
				}
			}
			rate := float64(len(jobs)) / time.Since(begun).Seconds()
			b.ReportMetric(rate, unit)
			if n == 1 {
				b.ReportMetric(rate/byHand, "one-lab:by-hand")
			}
		}
	}
}

// BenchmarkFirstVerdict is how long the command takes from its start to the first verdict, with the images present.
func BenchmarkFirstVerdict(b *testing.B) {
	for b.Loop() {
		begun := time.Now()
		if out, err := exec.Command("../bin/badgateway", "run", "fpm-dead", "--twin", "fake").CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		b.ReportMetric(time.Since(begun).Seconds(), "s/first-verdict")
	}
}

// BenchmarkSlowLink is how long the whole catalogue takes the command over a link of 20 ms each way, against without it.
func BenchmarkSlowLink(b *testing.B) {
	link, err := newSlowLink(startLab(b).Engine().Host())
	if err != nil {
		b.Skip(err)
	}
	defer link.Close()
	catalogue := func(environment ...string) float64 {
		cmd := exec.Command("../bin/badgateway", "run", "--all")
		cmd.Env = append(os.Environ(), environment...)
		begun := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		return time.Since(begun).Seconds()
	}
	for b.Loop() {
		local, slow := catalogue(), catalogue("DOCKER_HOST="+link.host())
		b.ReportMetric(local, "s/local")
		b.ReportMetric(slow, "s/slow-link")
		b.ReportMetric(slow/local, "slow-link:local")
	}
}

// BenchmarkMinute is how long a time-out of 60 s takes when the lab moves the clock.
func BenchmarkMinute(b *testing.B) {
	l := startLab(b)
	some, err := scenarios.Select("drop-connect")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		e := scenario.Run(b.Context(), l, some[0], some[0].Variants[0])
		if e.Verdict != scenario.Passed {
			b.Fatal(e.Error, e.Differences)
		}
		b.ReportMetric(float64(e.Broken.Real.Milliseconds()), "ms/60s-time-out")
		b.ReportMetric(e.Broken.Waited.Seconds()/e.Broken.Real.Seconds(), "times-faster")
	}
}

// BenchmarkFake is how many requests a second a fake upstream answers, against how many nginx passes on to it.
func BenchmarkFake(b *testing.B) {
	l := startLab(b)
	const requests, connections = 40_000, 16
	setup := lab.Setup{
		Gateway:   lab.Gateway{Driver: nginx.Driver, Config: passOn},
		Upstreams: []lab.Upstream{{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}},
	}
	for b.Loop() {
		c, err := l.Open(b.Context(), setup)
		if err != nil {
			b.Fatal(err)
		}
		direct, err := c.Load(b.Context(), "10.0.0.5:8080", requests, connections)
		if err != nil {
			b.Fatal(err)
		}
		through, err := c.Load(b.Context(), lab.GatewayAddress+":80", requests, connections)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(requests/direct.Seconds(), "fake/s")
		b.ReportMetric(requests/through.Seconds(), "through-nginx/s")
		b.ReportMetric(through.Seconds()/direct.Seconds(), "fake:through-nginx")
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// passOn is an nginx that does as little as it can: it keeps its connections and writes no log.
const passOn = `worker_processes 1;
error_log /var/log/nginx/error.log;
events {}
http {
    access_log off;
    keepalive_requests 1000000;
    upstream app { server 10.0.0.5:8080; keepalive 32; keepalive_requests 1000000; }
    server {
        listen 80;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
`

// BenchmarkMemory is how much memory a lab takes that holds eight open sandboxes, each with its own nginx.
func BenchmarkMemory(b *testing.B) {
	l := startLab(b)
	some, err := scenarios.Select("fpm-dead")
	if err != nil {
		b.Fatal(err)
	}
	s := some[0]
	for b.Loop() {
		for _, t := range s.Variants {
			if t.Kind != scenario.Fake {
				continue
			}
			for range 8 {
				c, err := l.Open(b.Context(), lab.Setup{Gateway: s.Gateway, Upstreams: t.Upstreams})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
			}
		}
		used, err := l.Memory(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(used)/(1<<20), "MiB/8-cells")
	}
}
