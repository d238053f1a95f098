package suites

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/lab"
)

// production is a config of so many servers, each with an upstream and time-outs as deployments have them.
func production(b *testing.B, servers int) string {
	b.Helper()
	var conf strings.Builder
	conf.WriteString("worker_rlimit_nofile 65536;\nevents { worker_connections 4096; }\nhttp {\n" +
		"    server_names_hash_max_size 65536;\n    server_names_hash_bucket_size 128;\n    proxy_connect_timeout 5s;\n    proxy_read_timeout 60s;\n")
	for i := range servers {
		fmt.Fprintf(&conf, "    server {\n        listen 80;\n        server_name s%d.example.com;\n"+
			"        location / { proxy_pass http://10.1.%d.%d:8080; }\n    }\n", i, i/250, 1+i%250)
	}
	conf.WriteString("}\n")
	path := filepath.Join(b.TempDir(), "nginx.conf")
	if err := os.WriteFile(path, []byte(conf.String()), 0o644); err != nil {
		b.Fatal(err)
	}
	return path
}

// twelve are the faults that every route of http meets.
var twelve = []string{"refused", "off", "silent", "slow", "died", "reset", "cut", "stalled", "500", "503", "huge-header", "garbage"}

// startUntrustedLab is a lab as a check has it.
func startUntrustedLab(b *testing.B) *lab.Lab {
	b.Helper()
	l, err := lab.Start(b.Context(), lab.Options{Untrusted: true, Install: true, Logger: slog.New(slog.NewTextHandler(b.Output(), nil))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// checkOf measures a config; a sandbox that the lab failed in ends the benchmark.
func checkOf(b *testing.B, o measure.Options) *audit.Report {
	b.Helper()
	r, err := measure.Run(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	if r.Refused != nil {
		b.Fatal(r.Refused.Message, r.Refused.Nginx)
	}
	for _, route := range r.Routes {
		for _, c := range route.Measurements {
			if c.Error != "" {
				b.Fatal(c.Error)
			}
		}
	}
	return r
}

// BenchmarkCheck is a check of 20 routes by 12 faults, GET and POST, from nothing to the report, against the time that its
// clients waited on the config's own clock, and against plain nginx processes that are broken by hand.
func BenchmarkCheck(b *testing.B) {
	conf := production(b, 20)
	yard := startLab(b)
	for b.Loop() {
		begun := time.Now()
		r := checkOf(b, measure.Options{Path: conf, Faults: twelve})
		took := time.Since(begun)
		var waited time.Duration
		cells := 0
		for _, route := range r.Routes {
			for _, c := range route.Measurements {
				if c.Skipped == "" {
					cells++
					waited += c.Waited
				}
			}
		}
		if want := 20 * (12 + 1) * 2; cells != want { // all well among them
			b.Fatalf("%d cells, not %d", cells, want)
		}
		byHand, err := yard.Baseline(b.Context(), cells, 4)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(took.Seconds(), "s/20x12")
		b.ReportMetric(float64(cells)/took.Seconds(), "cells/s")
		b.ReportMetric(waited.Seconds()/took.Seconds(), "s-waited/s")
		b.ReportMetric(took.Seconds()/byHand.Seconds(), "check:by-hand")
	}
}

// BenchmarkCheckFirstVerdict is how long the command takes from its start to what it says of the first sandbox of one route.
func BenchmarkCheckFirstVerdict(b *testing.B) {
	conf := production(b, 1)
	for b.Loop() {
		begun := time.Now()
		c := exec.CommandContext(b.Context(), "../bin/badgateway", "check", conf, "--fault", "refused", "--json", "--quiet")
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, err := c.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		in := bufio.NewReader(out)
		if _, err := in.Peek(1); err != nil {
			b.Fatalf("%v: %s", err, stderr.String())
		}
		b.ReportMetric(time.Since(begun).Seconds(), "s/first-verdict")
		if _, err := io.Copy(io.Discard, in); err != nil {
			b.Fatal(err)
		}
		if err := c.Wait(); err != nil {
			b.Fatalf("%v: %s", err, stderr.String())
		}
	}
}

// BenchmarkCheckMemory is the most memory that a lab takes while it measures 20 routes by 12 faults.
func BenchmarkCheckMemory(b *testing.B) {
	conf := production(b, 20)
	l := startUntrustedLab(b)
	for b.Loop() {
		var most atomic.Int64
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for tick := time.NewTicker(100 * time.Millisecond); ; {
				select {
				case <-ctx.Done():
					tick.Stop()
					return
				case <-tick.C:
					if used, err := l.Memory(ctx); err == nil {
						most.Store(max(most.Load(), int64(used)))
					}
				}
			}
		}()
		checkOf(b, measure.Options{Path: conf, Faults: twelve, Lab: l})
		stop()
		<-ended
		if most.Load() == 0 {
			b.Fatal("the lab's memory was never measured")
		}
		b.ReportMetric(float64(most.Load())/(1<<20), "MiB/check")
	}
}

// BenchmarkCheckThousands is a config of 2,000 servers: how long it takes, and how many routes requests were proven to reach.
func BenchmarkCheckThousands(b *testing.B) {
	conf := production(b, 2000)
	for b.Loop() {
		begun := time.Now()
		r := checkOf(b, measure.Options{Path: conf})
		reached := 0
		for _, route := range r.Routes {
			if route.Reached {
				reached++
			}
		}
		if reached != 2000 {
			b.Fatalf("%d of 2000 routes were reached", reached)
		}
		b.ReportMetric(time.Since(begun).Seconds(), "s/2000-servers")
		b.ReportMetric(float64(reached), "routes-reached")
	}
}

// ordinary is a config with a location of defaults, and one with a pool and short time-outs: most rules of weight have something to say.
const ordinary = `events {}
http {
    upstream api { server api1:3000; server api2:3000; }
    server {
        listen 80;
        server_name shop.example.com;
        location / { proxy_pass http://web:8080; }
        location /api/ {
            proxy_pass http://api;
            proxy_connect_timeout 2s;
            proxy_read_timeout 5s;
            proxy_send_timeout 5s;
            proxy_next_upstream error timeout non_idempotent;
        }
    }
}
`

// BenchmarkCheckMends is a whole check whose mends are tried, each alone and all together, against the same one without that.
func BenchmarkCheckMends(b *testing.B) {
	conf := filepath.Join(b.TempDir(), "nginx.conf")
	if err := os.WriteFile(conf, []byte(ordinary), 0o644); err != nil {
		b.Fatal(err)
	}
	l := startUntrustedLab(b)
	for b.Loop() {
		var took [2]time.Duration
		mends := 0
		for i, without := range []bool{true, false} {
			begun := time.Now()
			r := checkOf(b, measure.Options{Path: conf, Lab: l, NoMends: without})
			took[i] = time.Since(begun)
			for _, f := range r.Findings {
				if f.Proof != "" {
					mends++
				}
			}
		}
		if mends == 0 {
			b.Fatal("no mend was proven")
		}
		b.ReportMetric(took[1].Seconds(), "s/check")
		b.ReportMetric(float64(mends), "mends-proven")
		b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "with:without-mends")
	}
}
