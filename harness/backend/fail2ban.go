package backend

import "github.com/badgateway/badgateway/harness/lab"

// Fail2ban watches the logs of the other upstreams, and bans whom it finds guilty there, by nftables in the sandbox's network: fail2ban, as
// Debian packages it.
type Fail2ban struct {
	Name string // "fail2ban"
	// Jails is its /etc/fail2ban/jail.local.
	Jails string
}

// Upstream is fail2ban as an upstream of a sandbox. It logs to /var/log/upstream/NAME.log.
func (f Fail2ban) Upstream() lab.Upstream {
	const socket = "/run/fail2ban/fail2ban.sock"
	log := "/var/log/upstream/" + f.Name + ".log"
	return lab.Upstream{Name: f.Name, Real: &lab.Backend{
		Image: "guarded",
		Argv: []string{
			"fail2ban-server", "-xf", "--logtarget", log, "-s", socket, "-p", "/run/fail2ban/fail2ban.pid", "start",
		},
		Files:   []lab.File{{Path: "/etc/fail2ban/jail.local", Data: f.Jails}},
		Listen:  "unix:" + socket,
		Folders: []lab.Folder{{Path: "/run/fail2ban"}, {Path: "/var/lib/fail2ban"}, {Path: "/etc/fail2ban", Keep: true}},
		Log:     log,
		Filters: true,
	}}
}
