package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// address is where an upstream is, as nginx logs it: host and port, or the path of a socket.
func (u upstream) address() string {
	if u.socket != "" {
		return u.socket
	}
	return net.JoinHostPort(u.host, strconv.Itoa(u.port))
}

// stateOf adds how an upstream's way stands.
func (f *Findings) stateOf(u upstream, from, format string, args ...any) {
	l := f.state(from, format, args...)
	l.Gateway, l.Scheme, l.Address = "nginx", u.scheme, u.address()
}

// upstreams looks at what the config calls: sockets, names, and who listens. Nothing is called, and what other machines do is not known.
func (m Machine) upstreams(ctx context.Context, f *Findings, g *gateway, l *listeners) {
	addresses := m.lookUp(ctx, f, g)
	var elsewhere []string
	for _, u := range g.upstreams {
		if u.socket != "" {
			m.socket(f, g, u, l)
			continue
		}
		here, away := m.here(addresses[u.host], u.port)
		if away != "" && !slices.Contains(elsewhere, u.address()) {
			elsewhere = append(elsewhere, u.address())
		}
		if len(here) == 0 || away != "" || !l.knownTCP || u.port == 0 {
			continue
		}
		i := slices.IndexFunc(l.tcp, func(one listener) bool { return slices.ContainsFunc(here, one.takes) })
		switch {
		case i < 0:
			f.stateOf(u, l.by, "nobody listens on %s, which %s calls", u.address(), u.by)
		case l.tcp[i].full():
			f.stateOf(u, l.by, "the listen queue of %s is full: %d connections wait of %d; %s calls it", u.address(), l.tcp[i].waiting, l.tcp[i].most, u.by)
		}
	}
	if len(elsewhere) > 0 {
		f.Unread = append(f.Unread, "upstreams on other machines ("+short(elsewhere)+"): run this there too")
	}
}

// short are the first of many words.
func short(all []string) string {
	const most = 4
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

// here are the addresses that are this machine's own, and one that is another's.
func (m Machine) here(all []netip.Addr, port int) (here []netip.AddrPort, away string) {
	for _, a := range all {
		if a.IsLoopback() || a.IsUnspecified() || slices.Contains(m.Addresses, a.Unmap()) {
			if a.IsUnspecified() { // as an address to call it is this machine
				a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
			}
			here = append(here, netip.AddrPortFrom(a, uint16(port)))
		} else {
			away = a.String()
		}
	}
	return here, away
}

// lookUp finds the addresses of the upstreams' names as the system does, ten at a time.
func (m Machine) lookUp(ctx context.Context, f *Findings, g *gateway) map[string][]netip.Addr {
	type name struct {
		upstream
		out Output
		err error
	}
	addresses := map[string][]netip.Addr{}
	var names []*name
	for _, u := range g.upstreams {
		if a, err := netip.ParseAddr(u.host); err == nil {
			addresses[u.host] = []netip.Addr{a}
		} else if u.host != "" && !slices.ContainsFunc(names, func(n *name) bool { return n.host == u.host }) {
			names = append(names, &name{upstream: u})
		}
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, 10)
	for _, n := range names {
		all.Go(func() {
			slots <- struct{}{}
			n.out, n.err = m.Run(ctx, "getent", "ahosts", "--", n.host)
			<-slots
		})
	}
	all.Wait()
	for _, n := range names {
		const from = "getent"
		switch {
		case errors.Is(n.err, context.DeadlineExceeded):
			f.stateOf(n.upstream, from, "the lookup of %s does not end; %s calls it", n.host, n.by)
			f.State[len(f.State)-1].Name = n.host
		case n.err != nil:
			f.unread("the address of "+n.host, n.err)
		case n.out.Code != 0:
			at := ""
			if n.late {
				at = "as requests come, "
			}
			f.stateOf(n.upstream, from, "%sno address is found for %s, which %s calls", at, n.host, n.by)
			f.State[len(f.State)-1].Name = n.host
		default:
			for line := range strings.Lines(n.out.Stdout) {
				if fields := strings.Fields(line); len(fields) > 0 {
					if a, err := netip.ParseAddr(fields[0]); err == nil && !slices.Contains(addresses[n.host], a) {
						addresses[n.host] = append(addresses[n.host], a)
					}
				}
			}
		}
	}
	if len(names) > 0 {
		var all []string
		for _, n := range names {
			all = append(all, n.host)
		}
		f.looked("getent ahosts (%s)", short(all))
	}
	return addresses
}

// socket looks at a unix socket as the worker would see it.
func (m Machine) socket(f *Findings, g *gateway, u upstream, l *listeners) {
	root := "."
	if g.worker != nil { // its /tmp may be its own
		own := fmt.Sprintf("proc/%d/root", g.worker.pid)
		if _, err := fs.Stat(m.Files, own+"/"+inRoot(path.Dir(u.socket))); err == nil {
			root = own
		}
	}
	at := path.Join(root, inRoot(u.socket))
	info, err := fs.Stat(m.Files, at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.stateOf(u, "ls", "there is no socket %s, which %s calls%s", u.socket, u.by, m.beside(at))
		return
	case err != nil:
		f.unread("the socket "+u.socket, err)
		return
	}
	m.rights(f, g, u, root)
	if info.Mode()&fs.ModeSocket == 0 || !l.knownUnix {
		return
	}
	switch q, open := m.listening(l, u.socket); {
	case !open:
		f.stateOf(u, l.by, "nobody listens on the unix socket %s, which %s calls", u.socket, u.by)
	case q.full():
		f.stateOf(u, l.by, "the listen queue of the unix socket %s is full: %d connections wait of %d; %s calls it", u.socket, q.waiting, q.most, u.by)
	}
}

// listening finds who listens on a socket, by whatever name: /var/run is /run, and php-fpm.sock that of a version. One that was bound by a
// relative path may be it.
func (m Machine) listening(l *listeners, socket string) (q queue, open bool) {
	if q, open = l.unix[socket]; open {
		return q, true
	}
	real := m.real(socket)
	for name, q := range l.unix {
		if path.Base(name) == path.Base(real) && (!path.IsAbs(name) || m.real(name) == real) {
			return q, true
		}
	}
	return queue{}, false
}

// real is a path without links.
func (m Machine) real(name string) string {
	const most = 40
	done, left := "/", strings.Split(name, "/")
	for links := 0; len(left) > 0; {
		next := path.Join(done, left[0])
		left = left[1:]
		target, err := fs.ReadLink(m.Files, inRoot(next))
		if err != nil || links == most {
			done = next
			continue
		}
		if links++; path.IsAbs(target) {
			done = "/"
		}
		left = append(strings.Split(target, "/"), left...)
	}
	return done
}

// beside are the other sockets of a missing one's folder.
func (m Machine) beside(at string) string {
	entries, err := fs.ReadDir(m.Files, path.Dir(at))
	if err != nil {
		return "; its folder is not there"
	}
	var others []string
	for _, e := range entries {
		if e.Type()&fs.ModeSocket != 0 {
			others = append(others, e.Name())
		}
	}
	if len(others) == 0 {
		return "; no socket is in its folder"
	}
	return "; its folder has " + short(others)
}

// rights says what keeps the worker from a socket, by the modes on the way: it has to enter each folder, and to write to the socket.
func (m Machine) rights(f *Findings, g *gateway, u upstream, root string) {
	if g.worker == nil || g.worker.user == 0 {
		return
	}
	way := strings.Split(strings.Trim(path.Clean(u.socket), "/"), "/")
	for i := range way {
		at := path.Join(append([]string{root}, way[:i+1]...)...)
		info, err := fs.Stat(m.Files, at)
		if err != nil {
			f.unread("the rights of /"+path.Join(way[:i+1]...), err)
			return
		}
		need, deed := fs.FileMode(1), "enter"
		if i == len(way)-1 {
			need, deed = 2, "write to"
		}
		owner, group, known := ownerOf(info)
		if !known || permitted(g.worker, info.Mode(), owner, group, need) {
			continue
		}
		f.stateOf(u, "ls", "nginx (%s) may not %s /%s, which %s needs: %s, of %s, group %d", m.user(g.worker.user), deed,
			path.Join(way[:i+1]...), u.by, strings.ToLower(info.Mode().String()), m.user(owner), group)
		return
	}
}

func permitted(p *process, mode fs.FileMode, owner, group int, need fs.FileMode) bool {
	switch {
	case p.user == owner:
		need <<= 6
	case slices.Contains(p.groups, group):
		need <<= 3
	}
	return mode.Perm()&need != 0
}
