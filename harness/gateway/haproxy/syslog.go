package haproxy

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// maxTargets is of how many addresses it tells: each is a socket of the lab's, and a config is a stranger's.
const maxTargets = 16

// maxPath is how long the path of a socket may be: the kernel takes 107 bytes, with the sandbox's own folder before it.
const maxPath = 64

// socketFolders are where sockets of daemons are; at another place one of the lab's would cover a file that a program needs.
var socketFolders = []string{"/run/", "/tmp/", "/var/"}

// syslog is where the log directives of a config send lines: to sockets and loopback addresses, where the lab hears them, and to others.
// Under a chroot the path of a socket is one below that, once HAProxy has started.
// https://docs.haproxy.org/2.6/configuration.html#3.1-log
func syslog(conf string) (heard, lost []string) {
	var chroot string
	var targets []string
	for line := range strings.Lines(conf) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch to := strings.Trim(words[1], `"'`); words[0] {
		case "chroot":
			chroot = to
		case "log":
			targets = append(targets, to)
		}
	}
	// HAProxy that is a syslog server itself may be what it logs to.
	server := strings.Contains(conf, "dgram-bind")
	add := func(list *[]string, address string) {
		if !slices.Contains(*list, address) && len(*list) < maxTargets {
			*list = append(*list, address)
		}
	}
	for _, to := range targets {
		to = strings.TrimPrefix(to, "unix@")
		switch {
		case strings.HasPrefix(to, "/"):
			for _, at := range []string{path.Clean(to), path.Join("/", chroot, to)} {
				if at == "/dev/log" || len(at) <= maxPath && slices.ContainsFunc(socketFolders, func(f string) bool { return strings.HasPrefix(at, f) }) {
					add(&heard, "unix:"+at)
				} else {
					add(&lost, at)
				}
			}
		case to == "global" || to == "stdout" || to == "stderr" || strings.HasPrefix(to, "fd@"):
		default:
			if address, ok := loopback(to); ok && !server {
				add(&heard, address)
			} else {
				add(&lost, to)
			}
		}
	}
	return heard, lost
}

// loopback is a target of this machine's by UDP, whose port is 514 where none is named.
func loopback(to string) (address string, ok bool) {
	for _, family := range []string{"udp@", "udp4@", "ipv4@"} {
		to = strings.TrimPrefix(to, family)
	}
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		host, port = to, "514"
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is4() || !ip.IsLoopback() || strings.Trim(port, "0123456789") != "" {
		return "", false
	}
	return net.JoinHostPort(host, port), true
}
