package diagnose

import (
	"net"
	"regexp"
	"strings"
)

// asking is {ask FLAGS} or {ask SCHEME FLAGS} in a text of a cause.
var asking = regexp.MustCompile(`\{ask(?: ([a-z]+))?((?: -[^ }]+)*)\}`)

// fillAsk puts the command that asks the upstream itself in place of {ask FLAGS}: curl with these flags where it speaks HTTP, which a unix
// socket may do too, and a client of its own protocol where curl can't ask. A scheme in it counts for what the line says is spoken.
func fillAsk(text string, l *Line, address string) string {
	if !strings.Contains(text, "{ask") {
		return text
	}
	return asking.ReplaceAllStringFunc(text, func(s string) string {
		m := asking.FindStringSubmatch(s)
		scheme := m[1]
		if scheme == "" {
			scheme = l.Scheme
		}
		return askCommand(scheme, m[2], address, askedPath(l))
	})
}

// askCommand is such a command. Its flags begin with a space each. PHP-FPM and its like want a file in place of a path.
// Source: https://manpages.debian.org/cgi-fcgi, https://github.com/andreif/uwsgi-tools
func askCommand(scheme, flags, address, path string) string {
	switch scheme {
	case "fastcgi":
		return "SCRIPT_FILENAME=FILE REQUEST_METHOD=GET cgi-fcgi -bind -connect " + address
	case "uwsgi", "suwsgi":
		return "uwsgi_curl " + address + " " + path
	case "grpc":
		return "grpcurl -plaintext " + address + " SERVICE/METHOD"
	case "grpcs":
		return "grpcurl -insecure " + address + " SERVICE/METHOD"
	case "memcached":
		if host, port, err := net.SplitHostPort(address); err == nil {
			return `printf 'get KEY\r\n' | nc ` + host + " " + port
		}
		return `printf 'get KEY\r\n' | nc -U ` + address
	case "scgi", "ajp":
		return "the same request to " + address + " by " + strings.ToUpper(scheme)
	case "https":
		flags += " -k" // by its address a certificate is never the right one
	default:
		scheme = "http"
	}
	if strings.HasPrefix(address, "/") {
		return "curl" + flags + " --unix-socket " + address + " " + scheme + "://localhost" + path
	}
	return "curl" + flags + " " + scheme + "://" + address + path
}

// pathMost is how long a path may be to stand in a command, which shall fit into a line.
const pathMost = 20

// askedPath is the path that the gateway asked the upstream for, without its query; /PATH where the line does not have it, or has one that is
// long, or not fit for a command.
func askedPath(l *Line) string {
	if !l.Socket() { // its path would be taken for the request's
		if _, rest, ok := strings.Cut(l.Upstream, "://"); ok {
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				if p := path(rest[i:]); fitting(p) {
					return p
				}
			}
		}
	}
	if _, p, ok := strings.Cut(l.Route, " "); ok && fitting(p) {
		return p
	}
	return "/PATH"
}

func fitting(path string) bool {
	return strings.HasPrefix(path, "/") && len(path) <= pathMost && sane.MatchString(path)
}
