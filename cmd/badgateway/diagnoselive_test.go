//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/live"
	"github.com/badgateway/badgateway/harness/live/livetest"
)

func liveSaid(t *testing.T, s *livetest.Server, asJSON bool, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := diagnosing{out: &out, asJSON: asJSON, top: 3, width: 100}.server(t.Context(), s.Machine(), diagnose.Filter{}, args, strings.NewReader(""))
	return out.String(), err
}

func TestDiagnoseLive_NothingIsWrong(t *testing.T) {
	t.Parallel()
	text, err := liveSaid(t, livetest.New(), false)
	if !errors.Is(err, errDiffers) || !strings.HasPrefix(text, "Nothing is wrong here, as far as this was looked at (2 lines of logs).\nlooked at nginx's config /etc/nginx/nginx.conf") {
		t.Errorf("%v\n%s", err, text)
	}
	for _, want := range []string{"\nlooked at ss ", "\nlooked at systemctl (2 services)", "\nlooked at /var/log/nginx/error.log", "\nnot read  upstreams on other machines (192.0.2.7:80)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told:\n%s", want, text)
		}
	}
}

func TestDiagnoseLive_IsToldAsLogsAre(t *testing.T) {
	t.Parallel()
	s := livetest.New()
	s.Says["ss -Hltn"] = live.Output{Stdout: "LISTEN 0 511 *:3001 *:*\n"}
	s.Write("/var/log/nginx/error.log", `2026/11/28 05:40:00 [error] 1704#1704: *9 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.9, server: , request: "GET /api?token=hunter2 HTTP/1.1", upstream: "http://127.0.0.1:3000/api?token=hunter2", host: "shop.example"`+"\n")
	app := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(app, []byte("2026-11-28 05:39:58 FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := liveSaid(t, s, false, app)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[app-out-of-memory]", "connection-refused     ss: nobody listens on 127.0.0.1:3000, which proxy_pass at"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told:\n%s", want, text)
		}
	}
	lines, err := liveSaid(t, s, true)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text+lines, "hunter2") {
		t.Error("a secret is shown")
	}
	all := strings.Split(strings.TrimSpace(lines), "\n")
	var first diagnosis
	var last lookedAt
	if err := errors.Join(json.Unmarshal([]byte(all[0]), &first), json.Unmarshal([]byte(all[len(all)-1]), &last)); err != nil {
		t.Fatal(err)
	}
	if first.Cause != "connection-refused" || first.Count != 2 || first.Evidence[0].File != "ss" || !slices.Contains(last.Looked, "dmesg (1 lines)") || len(last.Unread) != 1 {
		t.Errorf("%s", lines)
	}
}

// Whatever this machine is, it is looked at, and the code says whether something is wrong.
func TestDiagnoseLive_OnThisMachine(t *testing.T) {
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetArgs([]string{"diagnose", "--live", "-v"})
	if err := c.ExecuteContext(t.Context()); err != nil && !errors.Is(err, errDiffers) {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\nlooked at memory (") {
		t.Errorf("memory was not looked at:\n%s", out.String())
	}
}
