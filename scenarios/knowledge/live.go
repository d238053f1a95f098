package knowledge

import "github.com/badgateway/badgateway/harness/diagnose"

// standing are the texts of package live, which tells how things stand on a server, by the cause that each is evidence of. Where a name
// has no address now, nginx runs on with the one that it found when it started; a disk that is full may matter to others only.
var standing = map[string][]string{
	"connection-refused":      {"^nobody listens on & !unix socket & %88"},
	"socket-refused":          {"^nobody listens on the unix socket & %88"},
	"socket-missing":          {"^there is no socket & %96"},
	"socket-permission":       {"^nginx (& ) may not enter / & %93", "^nginx (& ) may not write to / & %93"},
	"socket-backlog-full":     {"^the listen queue of the unix socket & is full & %96"},
	"syn-flood":               {"^the listen queue of & !unix socket & is full & %93"},
	"name-not-found-at-start": {"^no address is found for & %93"},
	"dns-failed":              {"^as requests come, no address is found for & %80"},
	"dns-timeout":             {"^the lookup of & does not end & %90"},
	"disk-full":               {"^the file system & is full, and & %95", "^the file system & has no inode left, and & %95"},
	"config-invalid":          {"^the config can't be read: & %93"},
	"unit-failed":             {"is one that failed (' & %55"},
	"unit-exec-missing":       {"failed with result & ~status=2(0[0-9]|1[0-9]|2[0-9]|3[0-9]|4[0-5])/ & status=2 & %94"},
	"unit-stopped":            {"does not run, though it is enabled & %75"},
}

// servers are what is wrong with a whole server, as package live finds it.
var servers = []diagnose.Cause{
	{Slug: "gateway-down", Side: diagnose.Gateway, Source: "https://nginx.org/en/docs/beginners_guide.html",
		Says:     "nginx does not run on this server: visitors' connections are refused, unless something else listens in its place.",
		Proves:   "No process of nginx is there, though its config is.",
		Confirm:  "systemctl status nginx says since when. ss -ltnp shows who listens in its place.",
		Remedy:   "systemctl start nginx. Where it does not start, nginx -t names file and line.",
		Confused: "A server whose gateway is another program, and on which nginx is only installed.",
		Match:    []string{"^nginx does not run, and its config is there & %70"}},
	{Slug: "memory-low", Side: diagnose.Kernel, Source: oomDoc, Effects: append([]string{"oom-killed", "gateway-memory", "db-memory", "app-out-of-memory"}, slow...),
		Says:    "The server has hardly any memory left: programs are slowed down by reclaim and swap, and the OOM killer is next.",
		Confirm: "ps -eo rss,args --sort=-rss | head shows who has it.",
		Remedy:  "Fewer or smaller workers, or more memory. A limit (MemoryMax=) for what grows.",
		Match:   []string{"^memory is short: & %85"}},
}

// keepsDown are causes for which a program does not start.
var keepsDown = []string{"config-invalid", "name-not-found-at-start", "port-taken", "port-forbidden", "address-missing", "module-missing", "certificate-unloadable"}
