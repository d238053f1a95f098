package nginx

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
)

// programs are the names and paths at which images have nginx.
var programs = []string{
	"nginx", "openresty", "/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/nginx/sbin/nginx",
	"/usr/local/openresty/nginx/sbin/nginx", "/usr/local/openresty/bin/openresty", "/opt/bitnami/nginx/sbin/nginx",
}

// IsProgram reports whether a program is an nginx by its name.
func IsProgram(program string) bool {
	switch path.Base(program) {
	case "nginx", "nginx-debug", "openresty", "angie", "freenginx":
		return true
	}
	return false
}

// A Build is how one nginx was built, as its -V prints it: what the arguments of its configure leave out has a default
// (https://nginx.org/en/docs/configure.html). All paths are absolute.
type Build struct {
	gateway.Build
	Prefix string
	Conf   string
	Pid    string
	// ErrorLog is where it logs before it has read its config, and after where that says nothing else.
	ErrorLog  string
	AccessLog string
	Modules   string   // the folder of its dynamic modules
	Temp      []string // the folders of its temporary files
	arguments string
}

var (
	library = regexp.MustCompile(`(?:built|running) with (\w+ [\d.]+\w*)`)
	named   = regexp.MustCompile(`version: (\S+?/(\d+\.\d+\.\d+)\S*(?: \([^)\n]*\))?)`)
	options = regexp.MustCompile(`--([\w-]+)=('[^']*'|\S+)`)
)

// Read reads what nginx -V printed.
func ReadBuild(text string) (Build, error) {
	m := named.FindStringSubmatch(text)
	if m == nil {
		return Build{}, fmt.Errorf("it says %q", strings.TrimSpace(text))
	}
	given := map[string]string{}
	for _, o := range options.FindAllStringSubmatch(text, -1) {
		given[o[1]] = strings.Trim(o[2], "'")
	}
	b := Build{Build: gateway.Build{Name: m[1], Version: m[2]}, Prefix: "/usr/local/nginx", arguments: text}
	for _, l := range library.FindAllStringSubmatch(text, -1) {
		b.TLS = l[1] // the one it runs with comes after the one it was built with
	}
	if p := given["prefix"]; p != "" {
		b.Prefix = path.Clean(p)
	}
	at := func(option, otherwise string) string {
		if p := given[option]; p != "" {
			otherwise = p
		}
		if path.IsAbs(otherwise) {
			return path.Clean(otherwise)
		}
		return path.Join(b.Prefix, otherwise)
	}
	b.Conf, b.Modules = at("conf-path", "conf/nginx.conf"), at("modules-path", "modules")
	b.Pid, b.AccessLog, b.ErrorLog = at("pid-path", "logs/nginx.pid"), at("http-log-path", "logs/access.log"), at("error-log-path", "logs/error.log")
	if given["error-log-path"] == "stderr" {
		b.ErrorLog = ""
	}
	for _, kind := range []string{"client-body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		b.Temp = append(b.Temp, at("http-"+kind+"-temp-path", strings.ReplaceAll(kind, "-", "_")+"_temp"))
	}
	return b, nil
}

// Has reports whether it was built with that argument ("--with-stream"), whatever its value.
func (b Build) Has(argument string) bool {
	for _, word := range strings.Fields(b.arguments) {
		if word == argument || strings.HasPrefix(word, argument+"=") {
			return true
		}
	}
	return false
}

// Writes are the folders in which it writes of itself, before its config says anything else.
func (b Build) Writes() []string {
	var all []string
	for _, file := range []string{b.Pid, b.ErrorLog, b.AccessLog} {
		if dir := path.Dir(file); file != "" && dir != b.Prefix && dir != "/" {
			all = append(all, dir)
		}
	}
	return append(all, b.Temp...)
}
