package nginxconf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/nginxconf"
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

// told writes ways in short: ID, role, what is called, and the best asks.
func told(ways []nginxconf.Way, asks int) []string {
	var out []string
	for _, w := range ways {
		var peers []string
		for _, p := range w.Target.Peers {
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
		if w.Target.Open {
			peers = append(peers, "...")
		}
		line := fmt.Sprintf("%s | %s | %s %s", w.ID, w.Role, w.Target.Protocol, strings.Join(peers, ", "))
		if w.Why != "" {
			line += " | why: " + w.Why
		}
		for _, a := range w.Asks[:min(asks, len(w.Asks))] {
			line += " | " + toldAsk(a)
		}
		out = append(out, line)
	}
	return out
}

func toldAsk(a nginxconf.Ask) string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s:%d%s", a.Method, a.Host, a.Listen.Port, a.URI))
	if a.TLSName != "" {
		text += " sni=" + a.TLSName
	}
	for key, value := range a.Header {
		text += " " + key + "=" + value
	}
	if a.Given != 0 {
		text += fmt.Sprintf(" given=%d", a.Given)
	}
	if a.From != "" {
		text += " from=" + a.From
	}
	return text
}
