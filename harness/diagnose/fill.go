package diagnose

import (
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sane is what may stand in a command that somebody copies: a stranger may have written the line.
var sane = regexp.MustCompile(`^[\w.:@/\[\]-]{1,200}$`)

// Prefix is what the directives begin with by which nginx speaks a protocol to an upstream: "fastcgi" of fastcgi_read_timeout.
func Prefix(scheme string) string {
	switch scheme {
	case "fastcgi", "scgi", "grpc", "uwsgi", "memcached":
		return scheme
	case "grpcs":
		return "grpc"
	case "suwsgi":
		return "uwsgi"
	default:
		return "proxy"
	}
}

// Fill puts what a line has into a text of a cause: address, socket, unit. What it lacks stands in capitals in a command.
func Fill(text string, l *Line) string {
	if !strings.Contains(text, "{") {
		return text
	}
	address, unit := "", l.Unit
	if sane.MatchString(l.Address) && !l.labelled() {
		address = l.Address
	}
	host, port := address, ""
	if h, p, err := net.SplitHostPort(address); err == nil {
		host, port = h, p
	} else if strings.HasPrefix(address, "/") {
		host = ""
	}
	socket := ""
	if strings.HasPrefix(address, "/") {
		socket = address
		if unit == "" {
			unit = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(address), ".sock"), ".socket")
		}
	}
	if unit == "" && l.Scheme == "fastcgi" {
		unit = "php-fpm"
	}
	or := func(value, placeholder string) string {
		if value == "" || !sane.MatchString(value) {
			return placeholder
		}
		return value
	}
	if address == "" {
		text = strings.NewReplacer(" at {address}", "", " ({address})", "").Replace(text)
	}
	text = fillAsk(text, l, or(address, "ADDRESS"))
	capture := "tcpdump -X port " + or(port, "PORT")
	if l.Socket() {
		capture = "strace -f -s 4096 -e trace=network,read,readv -p PID of a worker" // no packet goes through a socket
	}
	text = strings.NewReplacer(
		"{address}", or(address, "ADDRESS"), "{host}", or(host, "HOST"), "{port}", or(port, "PORT"), "{socket}", or(socket, "SOCKET"),
		"{name}", or(l.Name, "NAME"), "{unit}", or(unit, "UNIT"), "{client}", or(l.Client, "CLIENT"), "{proxy}", Prefix(l.Scheme),
		"{capture}", capture,
	).Replace(text)
	return text
}

// labelled reports whether the upstream is named by a label of the gateway's config, such as HAProxy's backend/server, which no command takes.
func (l *Line) labelled() bool { return !l.Socket() && strings.Contains(l.Address, "/") }

// Sentence fills a text that is no command: what the line lacks is said in words.
func Sentence(text string, l *Line) string {
	if !sane.MatchString(l.Address) {
		text = strings.NewReplacer(" at {address}", "", " ({address})", "", "the name {name} ", "the name ", "socket {address} ", "socket ", "the server {address} ", "a server ", "{address}", "the upstream").Replace(text)
	}
	if sane.MatchString(l.Address) && l.labelled() {
		text = strings.NewReplacer("{address}", l.Address, "{host}", l.Address).Replace(text)
	}
	if l.Name == "" {
		text = strings.NewReplacer("the upstream's name {name} ", "the upstream's name ", " for {name}", "", "name {name}", "name", "{name}", "the name").Replace(text)
	}
	if l.Address == "" || strings.HasPrefix(l.Address, "/") {
		text = strings.ReplaceAll(text, "{host}", "the upstream's host")
	}
	text = Fill(text, l)
	if r, n := utf8.DecodeRuneInString(text); n > 0 && strings.HasPrefix(text, "the ") {
		text = string(unicode.ToUpper(r)) + text[n:]
	}
	return text
}

// RemedyFor is the remedy of a cause in the words of the gateway that wrote the line.
func (c *Cause) RemedyFor(l *Line) string {
	if r, ok := c.Remedies[l.Gateway]; ok {
		return r
	}
	if r, ok := c.Remedies["*"]; ok && l.Gateway != "nginx" {
		return r
	}
	return c.Remedy
}

// StatusFor is the status that the visitor gets: the one that the line has, else what the scenarios of the gateway that wrote the line, and of its
// protocol, agree on, or for nginx, and where nobody knows whose line it is, Status. It is 0 where that can't be told.
func (c *Cause) StatusFor(l *Line) (status int) {
	if l.Status >= 400 {
		return l.Status
	}
	if l.Gateway == "" || l.Gateway == "nginx" {
		return c.Status
	}
	for _, s := range c.Shown {
		switch {
		case s.Gateway != l.Gateway || s.Status < 400 || l.Scheme != "" && Prefix(s.Scheme) != Prefix(l.Scheme):
		case status != 0 && s.Status != status:
			return 0
		default:
			status = s.Status
		}
	}
	return status
}

// ShownFor are the scenarios that show the cause, those of the line's own gateway and protocol first, and whether those are any.
func (c *Cause) ShownFor(l *Line) (ids []string, same bool) {
	near := func(s Shown) int {
		switch {
		case l.Gateway != "" && s.Gateway != l.Gateway:
			return 3
		case l.Scheme != "" && Prefix(s.Scheme) != Prefix(l.Scheme):
			return 2
		case s.Socket != l.Socket() && l.Address != "":
			return 1
		}
		return 0
	}
	for want := range 4 {
		for _, s := range c.Shown {
			if near(s) == want {
				ids = append(ids, s.ID)
				same = same || want < 2 && l.Gateway != ""
			}
		}
	}
	return ids, same
}
