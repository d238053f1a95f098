package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A gateway is the machine's nginx.
type gateway struct {
	master, worker *process // nil where none runs
	main           string   // its config
	prefix         string
	upstreams      []upstream
	logs           []string
	folders        []use // that it writes to
}

// An upstream is a server that the config calls.
type upstream struct {
	scheme       string // "fastcgi"
	host, socket string
	port         int
	by           string // "fastcgi_pass at /etc/nginx/conf.d/x.conf:12"
	late         bool   // its name is looked up while requests run
}

// A use is what a folder is used for: "proxy_temp_path".
type use struct{ folder, by string }

var configured = regexp.MustCompile(`--([a-z-]+)=(\S+)`)

// gateway finds nginx, and reads its config.
func (m Machine) gateway(ctx context.Context, f *Findings) *gateway {
	g := &gateway{}
	all := m.find(g, f)
	program, err := m.Run(ctx, "nginx", "-V")
	built := map[string]string{}
	for _, c := range configured.FindAllStringSubmatch(program.Stderr, -1) {
		built[c[1]] = c[2]
	}
	flags := m.flags(g)
	g.prefix = cmp.Or(flags["-p"], built["prefix"], "/etc/nginx")
	g.main = cmp.Or(flags["-c"], built["conf-path"], "/etc/nginx/nginx.conf")
	if !path.IsAbs(g.main) {
		g.main = path.Join(g.prefix, g.main)
	}
	if _, statErr := fs.Stat(m.Files, inRoot(g.main)); err != nil && g.master == nil && errors.Is(statErr, fs.ErrNotExist) {
		f.Unread = append(f.Unread, "nginx: there is none on this machine, neither program nor process nor "+g.main)
		return g
	}
	config, how, err := m.config(ctx, f, g)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			f.unread("nginx's config "+g.main, err)
		} else {
			f.state("nginx's config", "the config can't be read: %v", err).Gateway = "nginx"
		}
		return g
	}
	g.read(ctx, config, built)
	f.looked("nginx's config %s (%s; files: %d, upstreams: %d)", g.main, how, len(config.Files), len(g.upstreams))
	if g.master == nil && all {
		f.state("ps", "nginx does not run, and its config is there: %s", g.main).Gateway = "nginx"
	}
	return g
}

// find finds the master and one of its workers. One that runs in a container has files and sockets of its own.
func (m Machine) find(g *gateway, f *Findings) (all bool) {
	found, all := m.processes()
	if !all {
		f.Unread = append(f.Unread, "other users' processes: /proc does not show them (hidepid)")
	}
	var inside []string
	for _, p := range found {
		isMaster := strings.HasPrefix(p.title[0], "nginx: master process")
		isMaster = isMaster || path.Base(p.title[0]) == "nginx" && !slices.Contains(p.title, "-t") && !slices.Contains(p.title, "-T") && !slices.Contains(p.title, "-V")
		switch {
		case !isMaster || g.master != nil && g.master.user == 0:
		case p.inside:
			inside = append(inside, fmt.Sprint(p.pid))
		case p.user == 0 || p.user == m.UID: // what another user calls himself is not believed
			g.master = &p
		}
	}
	if len(inside) > 0 {
		f.Unread = append(f.Unread, fmt.Sprintf("nginx in containers (%d of them): give their logs to diagnose (docker logs ID 2>&1 | badgateway diagnose), or run this inside", len(inside)))
	}
	for _, p := range found {
		if g.master != nil && p.parent == g.master.pid && strings.HasPrefix(p.title[0], "nginx: worker process") {
			g.worker = &p
			break
		}
	}
	return all
}

// flags are the ones that the running master was started with.
func (m Machine) flags(g *gateway) map[string]string {
	flags := map[string]string{}
	if g.master == nil {
		return flags
	}
	words := strings.Fields(strings.Join(g.master.title, " "))
	for i, w := range words[:len(words)-1] {
		if w == "-c" || w == "-p" {
			flags[w] = words[i+1]
		}
	}
	return flags
}

// config reads the config as nginx -T prints it where nginx runs as root and so do we, else from its files: nginx that does not run would
// make its pid file and logs for the test, and one that may not read a key prints nothing.
func (m Machine) config(ctx context.Context, f *Findings, g *gateway) (config *nginxconf.Config, how string, err error) {
	main := inRoot(g.main)
	if m.UID == 0 && g.master != nil && g.master.user == 0 {
		out, err := m.Run(ctx, "nginx", "-T", "-c", g.main, "-p", g.prefix)
		f.log("nginx -T", out.Stderr, false)
		if files := dumped(out.Stdout); err == nil && out.Code == 0 && files[main] != "" {
			config, err = nginxconf.Read(nginxconf.Map(files), main, "/")
			return config, "nginx -T", err
		}
	}
	from := &files{root: m.Files}
	config, err = nginxconf.Read(from, main, "/")
	for _, name := range from.denied {
		if name != main {
			f.unread("/"+name, fs.ErrPermission)
		}
	}
	return config, "its files", err
}

var dumpedFile = regexp.MustCompile(`(?m)^# configuration file (/.*):\n`)

// dumped are the files that nginx -T prints.
func dumped(text string) map[string]string {
	all := map[string]string{}
	marks := dumpedFile.FindAllStringSubmatchIndex(text, -1)
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		all[inRoot(text[m[2]:m[3]])] = text[m[1]:end]
	}
	return all
}

// inRoot is a path as [fs.FS] has it, from the root folder on.
func inRoot(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}

// files are those of a machine, for the reader of configs.
type files struct {
	root   fs.FS
	denied []string // what this user may not read
}

const configMost = 16 << 20 // bytes of one file

func (f *files) Read(name string) ([]byte, error) {
	text, err := regular(f.root, inRoot(name))
	if errors.Is(err, fs.ErrPermission) {
		f.denied = append(f.denied, name)
	}
	if err != nil {
		return nil, err
	}
	defer text.Close()
	return io.ReadAll(io.LimitReader(text, configMost))
}

func (f *files) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(f.root, inRoot(pattern))
	return slices.DeleteFunc(names, func(name string) bool {
		return strings.HasPrefix(path.Base(name), ".") && !strings.HasPrefix(path.Base(pattern), ".")
	}), err
}

// All is nobody's to list here: which files are not included does not matter.
func (*files) All() []string { return nil }

// regular opens a file that is one: a pipe would never end.
func regular(root fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(root, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is no file")}
	}
	return root.Open(name)
}

// read takes from the config what it calls, and where it writes.
func (g *gateway) read(ctx context.Context, c *nginxconf.Config, built map[string]string) {
	seen := map[string]bool{}
	for _, route := range c.Routes(ctx) {
		t := route.Target
		for _, p := range t.Peers {
			u := upstream{scheme: t.Protocol, host: p.Host, port: p.Port, socket: p.Socket, late: t.Variables && t.Block == nil, by: t.Pass.Name + " at /" + p.Place.String()}
			if t.Block != nil {
				u.by = "the server at /" + p.Place.String()
			}
			if key := u.address() + u.by; !p.Down && t.Protocol != "udp" && !seen[key] {
				seen[key] = true
				g.upstreams = append(g.upstreams, u)
			}
		}
	}
	g.logs = append(g.logs, g.paths(c, "error_log", built["error-log-path"])...)
	g.logs = append(g.logs, g.paths(c, "access_log", built["http-log-path"])...)
	for _, log := range g.logs {
		g.folders = append(g.folders, use{path.Dir(log), "the log " + log})
	}
	for _, temp := range [...][2]string{{"client_body_temp_path", "http-client-body-temp-path"}, {"proxy_temp_path", "http-proxy-temp-path"},
		{"fastcgi_temp_path", "http-fastcgi-temp-path"}, {"uwsgi_temp_path", "http-uwsgi-temp-path"}, {"scgi_temp_path", "http-scgi-temp-path"},
		{"proxy_cache_path", ""}, {"fastcgi_cache_path", ""}, {"uwsgi_cache_path", ""}} {
		for _, folder := range g.paths(c, temp[0], built[temp[1]]) {
			g.folders = append(g.folders, use{folder, temp[0] + " " + folder})
		}
	}
}

// paths are those that a directive names anywhere in the config; the built-in one where it is nowhere.
func (g *gateway) paths(c *nginxconf.Config, directive, builtIn string) (all []string) {
	found := []string{}
	for _, d := range c.Find(directive) {
		if len(d.Args) > 0 {
			found = append(found, d.Args[0])
		}
	}
	if len(found) == 0 {
		found = append(found, builtIn)
	}
	for _, name := range found {
		if name == "" || name == "off" || name == "stderr" || strings.ContainsAny(name, "$:") || strings.HasPrefix(name, "/dev/") {
			continue
		}
		if !path.IsAbs(name) {
			name = path.Join(g.prefix, name)
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
