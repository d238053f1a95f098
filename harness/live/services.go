package live

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ofInterest are the units of gateways, of what stands behind them, and of what that calls: by the unit's name, or by the program that
// it runs.
var ofInterest = regexp.MustCompile(`(?:^|/)(?:nginx|openresty|angie|apache2|httpd|haproxy|varnish|caddy|traefik|envoy|lighttpd|squid|php[\d.]*-?fpm|gunicorn|uwsgi|uvicorn|daphne|puma|unicorn|passenger|node|pm2|deno|bun|java|tomcat|jetty|dotnet|mysql|mysqld|mariadb|mariadbd|postgres|redis|valkey|memcached|mongod|docker|dockerd|containerd|named|bind9|unbound|dnsmasq|systemd-resolved)`)

// units says which services failed, or do not run though they are to.
func (m Machine) units(ctx context.Context, f *Findings) {
	out, err := m.Run(ctx, "systemctl", "show", "--no-pager", "-p", "Id,LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,UnitFileState,ExecStart", "*.service")
	if err != nil || out.Code != 0 {
		if err == nil {
			err = errors.New(out.Stderr)
		}
		f.unread("systemctl", err)
		return
	}
	loaded := 0
	for block := range strings.SplitSeq(out.Stdout, "\n\n") {
		u := map[string]string{}
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			u[key] = value
		}
		if u["LoadState"] == "loaded" {
			loaded++
			f.unit(u)
		}
	}
	f.looked("systemctl (%d services)", loaded)
}

func (f *Findings) unit(u map[string]string) {
	id, program := u["Id"], ""
	if _, rest, ok := strings.Cut(u["ExecStart"], "path="); ok {
		program, _, _ = strings.Cut(rest, " ")
	}
	status := ""
	if s := u["ExecMainStatus"]; s != "0" && u["Result"] != "signal" {
		status = ", status=" + s + "/"
	}
	again := ""
	if n, _ := strconv.Atoi(u["NRestarts"]); n > 0 {
		again = fmt.Sprintf(", restarted %d times", n)
	}
	known := ofInterest.MatchString(id) || ofInterest.MatchString(program)
	switch {
	case id == "nginx.service": // whether it runs is known from its processes
	case u["ActiveState"] == "failed" && known, u["SubState"] == "auto-restart":
		f.state("systemctl", "%s: Failed with result '%s'%s; it is %s now (%s)%s", id, u["Result"], status, u["ActiveState"], u["SubState"], again).Unit = id
	case u["ActiveState"] == "failed":
		f.state("systemctl", "%s is one that failed ('%s'%s)", id, u["Result"], status).Unit = id
	case u["ActiveState"] == "inactive" && known && u["UnitFileState"] == "enabled" && !strings.Contains(id, "@."):
		f.state("systemctl", "%s does not run, though it is enabled", id).Unit = id
	}
}

// linesMost is how many lines of the journal are read, the last.
const linesMost = "20000"

// journal reads the journal, and the kernel's log where that is not in it.
func (m Machine) journal(ctx context.Context, f *Findings, since time.Time) {
	from := fmt.Sprintf("@%d", since.Unix())
	all := ""
	// What programs say of themselves is before what systemd says of them: it tells more.
	for _, part := range [...][]string{
		{"-p", "5..7", "-u", "nginx*", "-u", "php*-fpm*", "-u", "gunicorn*", "-u", "uwsgi*", "-u", "node*", "-u", "puma*", "-u", "apache2*", "-u", "httpd*", "-u", "haproxy*"},
		{"-p", "warning"},
	} {
		args := append([]string{"--no-pager", "-o", "short-iso", "-n", linesMost, "--since", from}, part...)
		out, err := m.Run(ctx, "journalctl", args...)
		hint, _, _ := strings.Cut(strings.TrimSpace(out.Stderr), "\n")
		if hint != "" && err == nil {
			err = errors.New(hint)
		}
		if err != nil {
			f.unread("journalctl "+strings.Join(part[:2], " "), err)
		}
		if out.Code != 0 || err != nil && out.Stdout == "" {
			break
		}
		text := marks.ReplaceAllString(out.Stdout, "")
		f.looked("journalctl %s (%d lines)", strings.Join(part[:2], " "), strings.Count(text, "\n"))
		f.log("journalctl", text, false)
		all += text
	}
	if strings.Contains(all, " kernel: ") {
		return
	}
	out, err := m.Run(ctx, "dmesg", "-T")
	if err == nil && out.Code != 0 {
		err = errors.New(strings.TrimPrefix(out.Stderr, "dmesg: "))
	}
	if err != nil {
		f.unread("dmesg", err)
		return
	}
	f.looked("dmesg (%d lines)", strings.Count(out.Stdout, "\n"))
	f.log("dmesg", out.Stdout, false)
}

// marks are journalctl's own lines: "-- No entries --".
var marks = regexp.MustCompile(`(?m)^-- .*\n`)
