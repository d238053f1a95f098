package provision

import (
	"fmt"
	"hash/fnv"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var (
	// Variables of the environment as envsubst knows them. With a default ("${X:-y}") is what other tools add.
	braced = regexp.MustCompile(`\$\{([A-Za-z_]\w*)(?:(:?[-=])([^}]*))?\}`)
	plain  = regexp.MustCompile(`\$([A-Z][A-Z0-9_]+)\b`)
	// Small ones count where something beside the config says so.
	anyPlain = regexp.MustCompile(`\$([A-Za-z_]\w*)\b`)
	upper    = regexp.MustCompile(`^_?[A-Z][A-Z0-9_]*$`)
	// What the config itself defines, and what regular expressions capture, is nginx's variable however it is written.
	defines = regexp.MustCompile(`(?m)\b(?:set|map|geo|split_clients|auth_request_set|js_set|js_var|perl_set|set_by_lua\w*|` +
		`set_(?:un)?(?:escape|quote|md5|sha1|hmac|random|secure|hash|encode|decode|if_empty|local|base32|hex|rot13|formatted|iconv|cconv|misc)\w*)\s[^;{]*?\$\{?(\w+)[^\w;{]*[\s;{]|\(\?P?<(\w+)>`)
)

// suffixes are those of files that envsubst or its like makes a config of.
var suffixes = []string{".template", ".tmpl", ".tpl", ".envsubst", ".env.conf", ".in", ".dist", ".sample", ".example"}

// isSample reports whether a file is there to be copied, not to be run: it counts only where nothing else does.
func isSample(file string) bool {
	switch path.Ext(file) {
	case ".in", ".dist", ".sample", ".example":
		return true
	}
	return false
}

// target is where the filled copy of a template goes: the official image fills /etc/nginx/templates into conf.d; all
// others stay beside their template, without its suffix.
func target(file string) (string, bool) {
	for _, s := range suffixes {
		if !strings.HasSuffix(file, s) || path.Base(file) == s {
			continue
		}
		file = strings.TrimSuffix(file, s)
		if i := strings.LastIndex(file, "/templates/"); i >= 0 {
			file = file[:i] + "/conf.d/" + file[i+len("/templates/"):]
		}
		return file, true
	}
	return file, false
}

// fill replaces the environment's variables in a text, as envsubst does for names that are set: those given, and those
// that can be nobody's but the environment's, by their spelling. What it made up it lists.
func fill(text, file string, f substitution) (string, []audit.Supply) {
	env := f.env
	own := map[string]bool{}
	bare := code(text)
	for _, t := range []string{bare, f.defined} {
		for _, m := range defines.FindAllStringSubmatch(t, -1) {
			own[m[1]], own[m[2]] = true, true
		}
	}
	values := map[string]string{}
	var made []audit.Supply
	for _, n := range envVars(bare, f) {
		if own[n.name] && env[n.name] == "" {
			continue
		}
		value, given := env[n.name]
		if given {
			values[n.name] = value
			continue
		}
		if _, known := values[n.name]; known {
			continue
		}
		if value = n.fallback; value == "" || strings.ContainsAny(value, "${") {
			value = f.port(n, n.placeholder())
			if said := f.beside[n.name]; said != "" {
				value = said
			}
			if guess, ok := f.guessed[n.name]; ok {
				value = guess
			}
		}
		values[n.name] = value
		with := value
		if value == "" {
			with = "nothing"
		}
		made = append(made, audit.Supply{Kind: "variable", What: n.name, With: with, Place: nginxconf.Place{File: file, Line: n.line}})
	}
	if len(values) == 0 {
		return text, nil
	}
	replace := func(whole, name string) string {
		if value, ok := values[name]; ok {
			return value
		}
		return whole
	}
	text = braced.ReplaceAllStringFunc(text, func(m string) string { return replace(m, braced.FindStringSubmatch(m)[1]) })
	return anyPlain.ReplaceAllStringFunc(text, func(m string) string { return replace(m, m[1:]) }), made
}

// A substitution is what a file's variables are filled by.
type substitution struct {
	env      map[string]string // given
	guessed  map[string]string // found by trying
	ports    map[string]string // that were given to variables before
	defined  string            // further text whose variables are nginx's own
	beside   map[string]string // known by what stands beside the config, with values or without
	template bool              // the file is a template by its name: $NAME is the environment's too
}

// port gives each variable that is listened on a port of its own: servers that differ by theirs would else be one.
func (f substitution) port(n envVar, value string) string {
	if own, ok := f.ports[n.name]; ok && value == "8080" {
		return own
	}
	if directive, _, _ := strings.Cut(n.before, " "); f.ports == nil || directive != "listen" || value != "8080" {
		return value
	}
	port := 8080
	if up := strings.ToUpper(n.name); strings.Contains(up, "HTTPS") || strings.Contains(up, "SSL") || strings.Contains(up, "TLS") {
		port = 8443
	}
	taken := map[string]bool{}
	for _, p := range f.ports {
		taken[p] = true
	}
	for taken[strconv.Itoa(port)] {
		port++
	}
	f.ports[n.name] = strconv.Itoa(port)
	return f.ports[n.name]
}

type envVar struct {
	name, fallback string
	before, after  string // the directive up to the variable, and what follows in its line
	line           int
}

// placeholder is a value for a variable that nobody gave.
func (n envVar) placeholder() string {
	directive, rest, _ := strings.Cut(n.before, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case n.before == "" && n.after == "":
		return "" // alone in its line it stands for directives, or for none
	case strings.HasSuffix(directive, "_pass") && rest == "" && nameFollows.MatchString(n.after):
		return "http://" // what follows is the host
	}
	if value := wanted(n); value != "" {
		return value
	}
	value := placeholderValue(n.name, n.before)
	if strings.HasPrefix(n.after, ":") { // the config has the port itself
		value = portAtEnd.ReplaceAllString(value, "")
	}
	if m := unitFollows.FindStringSubmatch(n.after); m != nil { // the config has the unit itself
		if number := leadingNumber.FindString(value); number != "" && value != number && !strings.ContainsAny(value, ".:") {
			value = number
		}
	}
	if strings.HasSuffix(rest, "/") && !strings.Contains(value, "://") {
		value = strings.TrimLeft(value, "/")
	}
	return value
}

// counts are directives whose argument is a number and nothing else.
var counts = regexp.MustCompile(`^(?:\w+_verify_depth|\w+_tries|\w+_requests|keepalive|worker_rlimit_nofile|worker_priority|gzip_comp_level|\w+_min_uses|` +
	`variables_hash_\w+|types_hash_\w+|server_names_hash_\w+|map_hash_\w+|proxy_headers_hash_\w+|limit_conn|limit_req_status|limit_conn_status|` +
	`http2_max_\w+|max_ranges|recursive_depth|merge_slashes_depth|lingering_count|mp4_\w+_count)$`)

// countedParameter is the parameter of a directive that takes a number ("weight="), behind which a variable stands.
var countedParameter = regexp.MustCompile(`(?:^|\s)(?:weight|max_fails|max_conns|burst|delay|levels|backlog|fastopen|min_uses|loader_files|manager_files|purger_files)=$`)

// wanted is a value of the only kind that nginx takes where the variable stands; empty where the variable's name says more.
func wanted(n envVar) string {
	directive, rest, _ := strings.Cut(n.before, " ")
	rest = strings.TrimSpace(rest)
	alone := strings.HasPrefix(n.after, ";") || strings.HasPrefix(n.after, " ")
	switch {
	case n.before == "":
		return ""
	case strings.Contains(rest, "zone=") && strings.HasSuffix(rest, ":") && regexp.MustCompile(`zone=[^\s:]+:$`).MatchString(rest):
		return "10m"
	case regexp.MustCompile(`(?:^|\s)(?:max_size|min_free)=$`).MatchString(rest):
		return "100m"
	case regexp.MustCompile(`(?:^|\s)(?:fail_timeout|slow_start|inactive|valid|ttl|time|max_age)=$`).MatchString(rest):
		return "60s"
	case countedParameter.MatchString(rest):
		return "10"
	case strings.HasSuffix(directive, "_buffers") && rest == "" && strings.HasPrefix(n.after, ";"):
		return "8 16k" // it stands for both
	case strings.HasSuffix(directive, "_status") && rest == "" && alone:
		return "503"
	case directive == "error_page" && rest == "" || directive == "return" && rest == "" && alone:
		return "503"
	case directive == "gzip_comp_level" && alone:
		return "5"
	case strings.HasSuffix(directive, "ssl_protocols") && alone:
		return "TLSv1.2"
	case strings.HasSuffix(directive, "ssl_ciphers") && alone:
		return "HIGH"
	case directive == "limit_conn" && rest == "":
		return ""
	case counts.MatchString(directive) && alone:
		return "10"
	case addressWanted(n.name) && directive != "set_real_ip_from" && directive != "allow" && directive != "deny":
		switch {
		case directive == "listen":
			return "0.0.0.0"
		case strings.HasSuffix(directive, "_pass") && rest == "" && !strings.HasPrefix(n.after, ":"):
			return ""
		}
		return madeUpAddress(n.name)
	}
	return ""
}

// madeUpAddress is an address for each name, out of those for documentation (RFC 5737).
func madeUpAddress(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	return fmt.Sprintf("203.0.113.%d", 1+h.Sum32()%250)
}

// addressWanted reports whether a variable's name says that it is an address.
func addressWanted(name string) bool {
	up := strings.ToUpper(name)
	return up == "IP" || strings.HasSuffix(up, "_IP") || strings.HasSuffix(up, "_IPV4") || strings.HasSuffix(up, "_IP_ADDRESS") || strings.HasSuffix(up, "_IPADDR")
}

var (
	unitFollows   = regexp.MustCompile(`^(?:r/[sm]|ms|[smhdkKMgG])(?:\s|;|$)`)
	leadingNumber = regexp.MustCompile(`^\d+`)
	portAtEnd     = regexp.MustCompile(`:\d+$`)
)

// nameFollows is a host's name right after a variable.
var nameFollows = regexp.MustCompile(`^[A-Za-z0-9$]`)

// envVars are the variables that a text takes from the environment, in order.
func envVars(bare string, f substitution) []envVar {
	env, template := f.env, f.template
	var all []envVar
	at := map[int]bool{}
	// The braces of variables end no directive.
	flat := braced.ReplaceAllStringFunc(bare, func(m string) string { return strings.NewReplacer("{", "_", "}", "_", "\n", " ").Replace(m) })
	add := func(from, to int, name, fallback string, sure bool) {
		_, given := env[name]
		_, known := f.beside[name]
		if !given && !known && !sure || at[from] {
			return
		}
		at[from] = true
		start := strings.LastIndexAny(flat[:from], ";{}\n") + 1
		after, _, _ := strings.Cut(bare[to:], "\n")
		all = append(all, envVar{name, fallback, strings.TrimSpace(flat[start:from]), strings.TrimRight(after, " \t\r"), lineAt(bare, from)})
	}
	for _, m := range braced.FindAllStringSubmatchIndex(bare, -1) {
		name, fallback := bare[m[2]:m[3]], ""
		if m[6] >= 0 {
			fallback = bare[m[6]:m[7]]
		}
		sure := upper.MatchString(name) || m[4] >= 0
		if !sure && template { // nginx takes no variable there, and its user calls the file a template
			start := strings.LastIndexAny(flat[:m[0]], ";{}\n") + 1
			sure = takesNone(strings.TrimSpace(flat[start:m[0]]))
		}
		add(m[0], m[1], name, fallback, sure)
	}
	for _, m := range anyPlain.FindAllStringSubmatchIndex(bare, -1) {
		if _, known := f.beside[bare[m[2]:m[3]]]; !known && !plain.MatchString(bare[m[0]:m[1]]) {
			continue
		}
		start := strings.LastIndexAny(flat[:m[0]], ";{}\n") + 1
		add(m[0], m[1], bare[m[2]:m[3]], "", template || takesNone(strings.TrimSpace(flat[start:m[0]])))
	}
	sort.SliceStable(all, func(i, k int) bool { return all[i].line < all[k].line })
	return all
}

// takesNone reports whether a directive is one in which nginx knows no variables.
func takesNone(before string) bool {
	switch name, _, _ := strings.Cut(before, " "); name {
	case "listen", "server", "server_name", "worker_processes", "worker_connections", "user", "client_max_body_size",
		"proxy_read_timeout", "proxy_connect_timeout", "proxy_send_timeout", "keepalive_timeout", "resolver":
		return true
	}
	return false
}

// placeholderValue is a value for a variable that nobody gave, from its name and from the directive that takes it.
func placeholderValue(name, before string) string {
	directive, rest, _ := strings.Cut(before, " ")
	rest = strings.TrimSpace(rest)
	up := "_" + strings.Trim(strings.ToUpper(name), "_") + "_"
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(up, "_"+p+"_") {
				return true
			}
		}
		return false
	}
	ends := func(parts ...string) bool {
		for _, p := range parts {
			if strings.HasSuffix(up, p+"_") {
				return true
			}
		}
		return false
	}
	host := strings.ToLower(strings.ReplaceAll(strings.Trim(name, "_"), "_", "-"))
	switch {
	case has("DOLLAR", "DS", "DOLLAR_SIGN", "D", "ESC") && len(name) < 12:
		return "$"
	case directive == "worker_processes":
		return "1"
	case directive == "worker_connections", ends("CONNECTIONS"), ends("_RLIMIT_NOFILE"):
		return "1024"
	case directive == "limit_except" || ends("_METHOD", "_METHODS"):
		return "GET"
	case directive == "user":
		return "nginx"
	case directive == "resolver" || has("RESOLVER", "RESOLVERS", "NAMESERVER", "NAMESERVERS", "DNS"):
		return "198.18.0.53"
	case strings.HasSuffix(rest, ":") && (directive == "server" || directive == "listen" || strings.HasSuffix(directive, "_pass") ||
		strings.Contains(rest, "//")) && !strings.HasSuffix(rest, "unix:") || ends("PORT"):
		return "8080"
	case strings.HasSuffix(rest, "unix:") || ends("SOCKET", "SOCK"):
		if strings.HasSuffix(rest, "unix:") || directive == "server" || strings.HasSuffix(directive, "_pass") {
			return strings.Repeat("unix:", b2i(!strings.HasSuffix(rest, "unix:"))) + "/run/" + host + ".sock"
		}
		return "/run/" + host + ".sock"
	case has("RATE") || directive == "limit_req_zone" && strings.HasSuffix(rest, "rate="):
		return "1000r/s"
	case directive == "limit_rate":
		return "0"
	case has("BURST"):
		return "100"
	case ends("TIMEOUT", "TIMEOUTS", "TTL", "EXPIRES", "INTERVAL", "DELAY", "_AGE", "SECONDS") || strings.HasSuffix(directive, "_timeout") ||
		directive == "expires":
		if ends("SECONDS", "MAX_AGE") {
			return "60"
		}
		return "60s"
	case ends("SIZE", "_BUFFER", "BODY", "UPLOAD", "LIMIT", "_MAX") || strings.HasSuffix(directive, "_size"):
		return "10m"
	case strings.HasSuffix(directive, "_buffers"):
		if rest == "" {
			return "8" // the size follows
		}
		return "16k"
	case directive == "listen":
		return "8080"
	case ends("SCHEME", "PROTO", "PROTOCOL"):
		return "http"
	case has("LOG") && ends("LEVEL") || directive == "error_log" && rest != "":
		return "error"
	case directive == "error_log" || directive == "access_log":
		return "/var/log/nginx/" + host + ".log"
	case ends("CERT", "CERTIFICATE", "CRT", "CHAIN", "FULLCHAIN", "PEM", "CERT_PATH", "CERTIFICATE_PATH"):
		return "/etc/nginx/certs/" + host + ".crt"
	case strings.HasPrefix(directive, "ssl_") && ends("KEY", "KEY_PATH", "KEY_FILE"):
		return "/etc/nginx/certs/" + host + ".key"
	case directive == "location":
		return "/" + host
	case (directive == "root" || directive == "alias") && rest != "":
		return host
	case directive == "root" || directive == "alias" || ends("ROOT", "WEBROOT", "HTDOCS", "DOCROOT"):
		return "/var/www/html"
	case ends("DIR", "DIRECTORY", "FOLDER", "PATH") && !strings.HasSuffix(directive, "_pass"):
		return "/var/lib/" + host
	case ends("PREFIX", "BASE_PATH", "CONTEXT_PATH", "URI", "SUBPATH", "PATH"):
		return "/" + host
	case directive == "set_real_ip_from" || directive == "allow" || directive == "deny" || ends("CIDR", "SUBNET", "IP_RANGE"):
		return "198.18.0.0/15"
	case strings.HasSuffix(directive, "_pass") && (ends("URL", "ORIGIN", "ENDPOINT", "UPSTREAM", "BACKEND", "SERVER", "HOST", "ADDRESS", "ADDR", "TARGET")) &&
		!strings.Contains(rest, "//") && (directive == "proxy_pass" && rest == ""):
		return "http://" + host + ":8080"
	case strings.HasSuffix(directive, "_pass") && rest == "" && directive != "proxy_pass" && directive != "grpc_pass":
		return host + ":9000"
	case ends("URL", "ORIGIN", "ENDPOINT") && !strings.Contains(rest, "//") && directive != "server" && directive != "server_name":
		return "http://" + host + ":8080"
	case has("ENABLED", "ENABLE", "DISABLE", "ON") || directive == "gzip" || directive == "ssl_verify_client":
		return "on"
	case directive == "server_name" || has("DOMAIN", "FQDN", "SERVER_NAME", "VIRTUAL_HOST", "HOSTNAME"):
		return host + ".example.com"
	case ends("USER", "USERNAME", "PASSWORD", "TOKEN", "SECRET"):
		return host
	}
	return host
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
