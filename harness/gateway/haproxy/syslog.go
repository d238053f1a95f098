package haproxy

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
)

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
	add := func(list *[]string, address string) {
		if !slices.Contains(*list, address) {
			*list = append(*list, address)
		}
	}
	for _, to := range targets {
		to = strings.TrimPrefix(to, "unix@")
		switch {
		case strings.HasPrefix(to, "/"):
			add(&heard, "unix:"+path.Clean(to))
			if chroot != "" {
				add(&heard, "unix:"+path.Join(chroot, to))
			}
		case to == "global" || to == "stdout" || to == "stderr" || strings.HasPrefix(to, "fd@"):
		default:
			if address, ok := loopback(to); ok {
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
