package scenarios

import (
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/scenario"
)

// A Cause is one of the reasons for a gateway's error that articles about 502 Bad Gateway commonly give. What an article
// says of it is a claim; what follows in truth is in the scenarios that reproduce it.
type Cause struct {
	// ID is what scenarios, the faults of a check and reports call it: "A1".
	ID string
	// Group is what causes with the same letter have in common.
	Group string
	// Title says what is broken, in one line.
	Title string
	// Components are the programs that the articles name it of; "any backend" where they name none.
	Components []string
	// Missing says what the catalogue lacks to reproduce it; empty where a scenario does.
	Missing string
}

// Causes are all documented causes, in the order of their ids.
func Causes() []Cause {
	var all []Cause
	for _, g := range causes {
		for _, c := range g.causes {
			c.Group = g.title
			all = append(all, c)
		}
	}
	return all
}

// CauseByID returns the cause with an id, whose letter may be small.
func CauseByID(id string) (Cause, bool) {
	all := Causes()
	i := slices.IndexFunc(all, func(c Cause) bool { return strings.EqualFold(c.ID, id) })
	if i < 0 {
		return Cause{}, false
	}
	return all[i], true
}

// Scenarios are those that reproduce the cause.
func (c Cause) Scenarios() []scenario.Scenario {
	var some []scenario.Scenario
	for _, s := range All() {
		if slices.Contains(s.Causes, c.ID) {
			some = append(some, s)
		}
	}
	return some
}

var anyBackend = []string{"any backend"}

// causes are the documented causes by group. A group has a letter.
var causes = []struct {
	title  string
	causes []Cause
}{
	{"the service behind the gateway", []Cause{
		{ID: "A1", Title: "the backend does not run: stopped, crashed, or failed at its start",
			Components: []string{"PHP-FPM", "Apache httpd", "Gunicorn", "Node.js", "uWSGI"}},
		{ID: "A2", Title: "the gateway calls one port, and the backend listens on another",
			Components: []string{"Apache httpd", "Node.js", "any backend"}},
		{ID: "A3", Title: "the backend listens on another address than is called: on loopback only, or on one of IPv4 and IPv6",
			Components: []string{"Node.js", "Gunicorn"}},
		{ID: "A4", Title: "the unix socket can't be used: it is missing, has another version's name, may not be opened, or nobody listens on it",
			Components: []string{"PHP-FPM", "Gunicorn", "uWSGI"}},
		{ID: "A5", Title: "gateway and backend speak different protocols: HTTP, HTTPS, FastCGI, uwsgi",
			Components: anyBackend},
		{ID: "A6", Title: "the backend is restarted, or reloaded, while requests are in its hands",
			Components: []string{"PHP-FPM", "Gunicorn", "uWSGI"}},
	}},
	{"time", []Cause{
		{ID: "B1", Title: "the backend ends a script (request_terminate_timeout) before the gateway would have given up",
			Components: []string{"PHP-FPM"}},
		{ID: "B2", Title: "a script takes longer than the gateway waits (fastcgi_read_timeout, 60 s by default)",
			Components: []string{"PHP-FPM"}},
		{ID: "B3", Title: "a script exceeds a limit of PHP's own (max_execution_time, max_input_time)",
			Components: []string{"PHP-FPM"}},
		{ID: "B4", Title: "the application server's watchdog kills a worker that takes too long (--timeout, harakiri)",
			Components: []string{"Gunicorn", "uWSGI", "Node.js", "Apache httpd"}},
		{ID: "B5", Title: "of two gateways in a row, the outer one gives up first, and the inner one logs 499",
			Components: []string{"nginx"}},
		{ID: "B6", Title: "one side stops in the middle, or sends in small pieces",
			Components: anyBackend},
	}},
	{"memory and other resources", []Cause{
		{ID: "C1", Title: "a script needs more memory than PHP allows it (memory_limit)",
			Components: []string{"PHP-FPM"}},
		{ID: "C2", Title: "the kernel's OOM killer, or a limit of the server's own on memory, ends a worker or the whole service",
			Components: []string{"PHP-FPM", "Node.js", "uWSGI"}},
		{ID: "C3", Title: "the hosting plan leaves the backend too little processor time",
			Components: []string{"PHP-FPM"}},
		{ID: "C4", Title: "the gateway has no connection (worker_connections) or file descriptor left",
			Components: []string{"nginx"}},
		{ID: "C5", Title: "the gateway can't write a body to its temporary files: the disk is full, or the folder may not be written",
			Components: []string{"nginx"}},
	}},
	{"overload", []Cause{
		{ID: "D1", Title: "all workers are busy (pm.max_children), and the queue before them fills",
			Components: []string{"PHP-FPM"}},
		{ID: "D2", Title: "requests come in a flood, with and without a limit on them (limit_req, limit_conn)",
			Components: []string{"nginx"}},
		{ID: "D3", Title: "a page makes each visitor send many requests",
			Components: []string{"PHP-FPM"}},
		{ID: "D4", Title: "a limit on the backend's workers or connections is reached (MaxRequestWorkers, sync workers, max_conns)",
			Components: []string{"Apache httpd", "Gunicorn", "Node.js", "nginx"}},
		{ID: "D5", Title: "a hosting plan's limiter cuts connections",
			Components: anyBackend},
	}},
	{"the application's code", []Cause{
		{ID: "E1", Title: "the code can't be parsed, or ends with a fatal error",
			Components: []string{"PHP-FPM"}},
		{ID: "E2", Title: "the interpreter crashes: a segmentation fault, recursion without end",
			Components: []string{"PHP-FPM"}},
		{ID: "E3", Title: "a plugin or a theme is faulty, and the site is well when its folder has another name",
			Components: []string{"WordPress"}},
		{ID: "E4", Title: "the answer's header, often a cookie in it, is larger than the gateway's buffer",
			Components: anyBackend},
		{ID: "E5", Title: "the answer breaks the rules of HTTP: its status line, a header, lengths that contradict, chunks",
			Components: anyBackend},
		{ID: "E6", Title: "the script is not there, or may not be run (security.limit_extensions)",
			Components: []string{"PHP-FPM"}},
		{ID: "E7", Title: "the script runs on the command line, and fails behind the gateway",
			Components: []string{"PHP-FPM"}},
	}},
	{"services that the application uses", []Cause{
		{ID: "F1", Title: "the database is down, hangs, has no room on its disk, or takes no more connections",
			Components: []string{"MariaDB", "WordPress"}},
		{ID: "F2", Title: "the cache is down or hangs, the application's or the gateway's own (memcached_pass)",
			Components: []string{"Memcached", "Redis"}},
	}},
	{"DNS", []Cause{
		{ID: "G1", Title: "nginx is started or reloaded while an upstream's name can't be resolved",
			Components: []string{"nginx"}},
		{ID: "G2", Title: "the look-up of a name at run time fails: no such name, an error, silence, or no resolver is set",
			Components: []string{"nginx", "dnsmasq", "BIND"}},
		{ID: "G3", Title: "a name has a new address, and somebody still uses the old one: the gateway, a caching daemon, the client",
			Components: []string{"nginx", "nscd", "dnsmasq", "BIND", "unbound"}},
	}},
	{"network and firewall", []Cause{
		{ID: "H1", Title: "a firewall drops what is sent to the upstream",
			Components: []string{"nftables"}},
		{ID: "H2", Title: "a firewall rejects what is sent to the upstream, with one of the ICMP errors or a reset",
			Components: []string{"nftables"}},
		{ID: "H3", Title: "a firewall begins to drop when a connection is open already, or drops answers alone",
			Components: []string{"nftables"}},
		{ID: "H4", Title: "a security plugin, a web application firewall or a log watcher bans the gateway's own address",
			Components: []string{"fail2ban", "nftables", "any backend"}},
		{ID: "H5", Title: "the upstream's machine is off or unplugged, or no route leads to it",
			Components: []string{"the network"}},
	}},
	{"failure of the server", []Cause{
		{ID: "I1", Title: "the backend fails with a request in its hands: before the header, in the body, or as the request is sent",
			Components: anyBackend},
		{ID: "I2", Title: "the backend is in maintenance and answers 503 on purpose",
			Components: anyBackend},
		{ID: "I3", Title: "the backend closes an idle kept connection in the moment in which it is used again",
			Components: []string{"Node.js", "Gunicorn"}},
	}},
	{"more than one gateway", []Cause{
		{ID: "J1", Title: "the same fault looks different behind another gateway: its status, its page, its log",
			Components: []string{"nginx", "Apache httpd"}},
		{ID: "J2", Title: "an edge in front, as a CDN has, passes the origin's error on or puts a page of its own in its place",
			Components: []string{"nginx"}},
		{ID: "J3", Title: "a filter against floods stands in between and fails, and the way around it is well",
			Components: []string{"HAProxy", "nginx"}},
		{ID: "J4", Title: "an error is cached, and is answered when its cause has long gone (proxy_cache_valid any)",
			Components: []string{"nginx"}},
		{ID: "J5", Title: "of a pool of servers one fails, or all do, and the gateway tries the next or none (max_fails)",
			Components: []string{"nginx"}},
		{ID: "J6", Title: "which status a fault gives: 500, 502, 503, 504, or 404, 413, 499",
			Components: []string{"any gateway"}},
		{ID: "J7", Title: "each gateway words its error page in its own way, which tells who is speaking",
			Components: []string{"nginx", "Apache httpd", "HAProxy", "Varnish", "Caddy"}},
	}},
	{"the visitor's side", []Cause{
		{ID: "K1", Title: "the visitor leaves, or asks again, before the answer has come (499)",
			Components: []string{"the client"}},
		{ID: "K2", Title: "cookies are too big: the request's for the gateway (400), or the answer's for its buffer (502)",
			Components: []string{"the client"}},
		{ID: "K3", Title: "the visitor's own DNS cache or hosts file leads to a server that is no longer the one",
			Components: []string{"the client"}},
	}},
}
