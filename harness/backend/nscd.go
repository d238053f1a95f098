package backend

import "github.com/badgateway/badgateway/harness/lab"

// NSCD is the name service cache daemon of glibc, as Debian packages it. What programs for glibc that share its /run ask for, they ask it for.
type NSCD struct {
	Name string // "nscd"
	// Conf is the whole config. It names the log: /var/log/upstream/NAME.log.
	Conf string
	// Files are what it reads besides, such as /etc/resolv.conf.
	Files []lab.File
}

// Upstream is the daemon as an upstream of a sandbox.
func (n NSCD) Upstream() lab.Upstream {
	conf := "/etc/nscd-" + n.Name + ".conf"
	return lab.Upstream{Name: n.Name, Real: &lab.Backend{
		Image:   "nscd",
		Argv:    []string{"nscd", "--foreground", "--config-file=" + conf},
		Files:   append([]lab.File{{Path: conf, Data: n.Conf}}, n.Files...),
		Listen:  "unix:/var/run/nscd/socket", // of which /var/run is a link to /run
		Folders: []lab.Folder{{Path: "/run/nscd"}},
		Log:     "/var/log/upstream/" + n.Name + ".log",
	}}
}
