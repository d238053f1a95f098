//go:build linux

package knowledge

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/live"
	"github.com/badgateway/badgateway/harness/live/livetest"
)

// served is the report of a server.
func served(t *testing.T, s *livetest.Server) *diagnose.Report {
	t.Helper()
	since := livetest.Now.Add(-time.Hour)
	r := book(t).NewReport(diagnose.Filter{Since: since})
	live.Look(context.Background(), s.Machine(), since).Report(r)
	r.Finish()
	return r
}

const onlyFPM = "server { listen 8080; location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }"

// How things stand is named as what the logs say of it is.
func TestLive_NamesTheCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		slug  string
		wreck func(*livetest.Server)
	}{
		{"connection-refused", func(s *livetest.Server) { s.Says["ss -Hltn"] = live.Output{} }},
		{"syn-flood", func(s *livetest.Server) {
			s.Says["ss -Hltn"] = live.Output{Stdout: "LISTEN 6 5 127.0.0.1:3000 0.0.0.0:*\nLISTEN 0 511 *:3001 *:*\n"}
		}},
		{"socket-refused", func(s *livetest.Server) { s.Says["ss -Hlxn"] = live.Output{} }},
		{"socket-backlog-full", func(s *livetest.Server) {
			s.Says["ss -Hlxn"] = live.Output{Stdout: "u_str LISTEN 512 511 /run/php/php8.2-fpm.sock 1091449 * 0\n"}
		}},
		{"socket-missing", func(s *livetest.Server) { delete(s.Files, "run/php/php8.2-fpm.sock") }},
		{"socket-permission", func(s *livetest.Server) { s.Own("/run/php/php8.2-fpm.sock", fs.ModeSocket|0o660, 0, 0) }},
		{"socket-permission", func(s *livetest.Server) { s.Own("/run/php", fs.ModeDir|0o700, 0, 0) }},
		{"name-not-found-at-start", func(s *livetest.Server) { s.Says["getent ahosts"] = live.Output{Code: 2} }},
		{"dns-failed", func(s *livetest.Server) {
			s.Says["getent ahosts"] = live.Output{Code: 2}
			s.Site("server { listen 8080; location / { set $b app.internal; proxy_pass http://$b; } }")
		}},
		{"disk-full", func(s *livetest.Server) {
			s.Says["df -Pkl"] = live.Output{Stdout: "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 1024 1024 0 100% /\n"}
		}},
		{"disk-full", func(s *livetest.Server) {
			s.Says["df -Pil"] = live.Output{Stdout: "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/vda1 1024 1024 0 100% /\n"}
		}},
		{"memory-low", func(s *livetest.Server) { s.Write("/proc/meminfo", "MemTotal: 2048000 kB\nMemAvailable: 40960 kB\n") }},
		{"conntrack-full", func(s *livetest.Server) {
			s.Write("/proc/sys/net/netfilter/nf_conntrack_count", "65536\n")
			s.Write("/proc/sys/net/netfilter/nf_conntrack_max", "65536\n")
		}},
		{"too-many-open-files", func(s *livetest.Server) { s.Write("/proc/1704/limits", "Max open files 1 1 files\n") }},
		{"unit-failed", unit("Result=signal\nExecMainStatus=11\nId=php8.2-fpm.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n")},
		{"unit-failed", unit("Result=exit-code\nExecMainStatus=1\nId=certbot.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n")},
		{"oom-killed", unit("Result=oom-kill\nExecMainStatus=9\nId=php8.2-fpm.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n")},
		{"unit-start-limit", unit("Result=start-limit-hit\nExecMainStatus=1\nId=gunicorn.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n")},
		{"unit-exec-missing", unit("Result=exit-code\nExecMainStatus=203\nId=gunicorn.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n")},
		{"unit-stopped", unit("Result=success\nId=mariadb.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=enabled\n")},
		{"gateway-down", func(s *livetest.Server) { s.Stop() }},
		{"config-invalid", func(s *livetest.Server) { s.Site("server {") }},
	} {
		s := livetest.New()
		c.wreck(s)
		r := served(t, s)
		if len(r.Causes) == 0 || r.Causes[0].Cause.Slug != c.slug {
			t.Errorf("want %s first, got %v", c.slug, slugs(r))
		}
	}
}

func unit(text string) func(*livetest.Server) {
	return func(s *livetest.Server) { s.Says["systemctl show"] = live.Output{Stdout: text} }
}

func slugs(r *diagnose.Report) (all []string) {
	for _, c := range r.Causes {
		all = append(all, c.Cause.Slug)
	}
	return all
}

// What is known of a line in the log and of how things stand is one: the address that the remedy names, the times of the server's zone.
func TestLive_JoinsWhatStandsWithTheLogs(t *testing.T) {
	t.Parallel()
	s := livetest.New()
	s.Site(onlyFPM)
	s.Says["ss -Hlxn"] = live.Output{}
	unit("Result=signal\nExecMainStatus=11\nId=php8.2-fpm.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n")(s)
	const refused = ` [error] 1704#1704: *9 connect() to unix:/run/php/php8.2-fpm.sock failed (111: Connection refused) while connecting to upstream, client: 192.0.2.9, server: , request: "GET / HTTP/1.1", upstream: "fastcgi://unix:/run/php/php8.2-fpm.sock:", host: "shop.example"` + "\n"
	s.Write("/var/log/nginx/error.log", "2026/11/28 04:49:59"+refused+"2026/11/28 05:40:00"+refused) // the first is older than an hour
	// another container's, which has nothing to do with it
	s.Says["dmesg"] = live.Output{Stdout: strings.Repeat("[Sat Nov 28 05:10:06 2026] Memory cgroup out of memory: Killed process 32365 (perl) total-vm:359416kB, anon-rss:84636kB\n", 50)}
	r := served(t, s)
	if len(r.Incidents) == 0 || r.Incidents[0].Root != r.Causes[0] {
		t.Fatalf("no incident is told: %v", slugs(r))
	}
	root, effect := r.Incidents[0].Root, r.Incidents[0].Effects[0]
	if root.Cause.Slug != "unit-failed" || effect.Cause.Slug != "socket-refused" {
		t.Errorf("%s comes of %s", effect.Cause.Slug, root.Cause.Slug)
	}
	if effect.N != 2 || effect.Line.Address != "/run/php/php8.2-fpm.sock" || !effect.Last.Equal(livetest.Now.Add(-10*time.Minute)) {
		t.Errorf("the socket: %d times, at %s, last at %v", effect.N, effect.Line.Address, effect.Last)
	}
}

func TestLive_NothingIsWrong(t *testing.T) {
	t.Parallel()
	if r := served(t, livetest.New()); r.Lines == 0 || len(r.Causes) == 0 || !r.Causes[0].Cause.Healthy() {
		t.Errorf("%d lines, diagnosed as %v", r.Lines, slugs(r))
	}
}
