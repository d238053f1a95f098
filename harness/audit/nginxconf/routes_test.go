package nginxconf_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// read reads a config of one file.
func read(t testing.TB, text string) *nginxconf.Config {
	t.Helper()
	c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// summary writes routes in short: ID, role, what is called, and the best candidates.
func summary(routes []nginxconf.Route, candidates int) []string {
	var out []string
	for _, route := range routes {
		var peers []string
		for _, p := range route.Target.Peers {
			text := fmt.Sprintf("%s:%d", p.Host, p.Port)
			if p.Socket != "" {
				text = p.Socket
			}
			if p.Backup {
				text += " backup"
			}
			if p.Down {
				text += " down"
			}
			peers = append(peers, text)
		}
		if route.Target.Dynamic {
			peers = append(peers, "...")
		}
		if route.Target.Self != nil {
			peers = append(peers, "itself at "+route.Target.Self.Place.String())
		}
		line := fmt.Sprintf("%s | %s | %s %s", route.ID, route.Role, route.Target.Protocol, strings.Join(peers, ", "))
		if route.UnreachableReason != "" {
			line += " | why: " + route.UnreachableReason
		}
		for _, a := range route.Candidates[:min(candidates, len(route.Candidates))] {
			line += " | " + toldAsk(a)
		}
		out = append(out, line)
	}
	return out
}

func toldAsk(a nginxconf.Candidate) string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s:%d%s", a.Method, a.Host, a.Listen.Port, a.URI))
	if a.TLSName != "" {
		text += " sni=" + a.TLSName
	}
	for _, key := range slices.Sorted(maps.Keys(a.Header)) {
		text += " " + key + "=" + a.Header[key]
	}
	if a.RequiresStatus != 0 {
		text += fmt.Sprintf(" given=%d", a.RequiresStatus)
	}
	if a.From != "" {
		text += " from=" + a.From
	}
	for name, value := range map[string]string{"alpn": a.ALPN, "accel": a.AccelRedirect} {
		if value != "" {
			text += " " + name + "=" + value
		}
	}
	if a.TLSMax != "" {
		text += " max=" + a.TLSMax
	}
	if a.Repeat != 0 {
		text += fmt.Sprintf(" repeat=%d", a.Repeat)
	}
	if a.Listen.H2C {
		text += " h2c"
	}
	return text
}

var update = flag.Bool("update", false, "write what was found behind the configs of testdata/routes")

// Each config under testdata/routes has its routes in its last lines: ID, role, protocol and peers, why or the best candidates.
func TestRoutes(t *testing.T) {
	const mark = "#> "
	files, err := filepath.Glob("testdata/routes/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal("no configs:", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			config, expected, _ := strings.Cut(string(text), mark)
			found := ""
			for _, line := range summary(read(t, config).Routes(t.Context()), 4) {
				found += mark + line + "\n"
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimRight(config, "\n")+"\n"+found), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if expected = mark + expected; expected != found {
				t.Errorf("expected\n%s\nfound\n%s", expected, found)
			}
		})
	}
}
