package review

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

const passManual = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass"

// passed are rules of what is passed on, and how it is spoken.
var passed = []audit.Rule{
	{
		ID: "uri-lost", Severity: "medium", Title: "a part of what visitors ask for is lost on the way to the upstream", Static: true,
		Why: "With a variable in proxy_pass nginx sends the URI that is written there as it stands, and adds nothing: no query, and no rest " +
			"of the path. The application answers 200 to another question: the first page of every list, a search for nothing.",
		Source: passManual, Find: uriLost,
	},
	{
		ID: "scheme-port", Severity: "medium", Title: "the scheme and the port of an upstream do not go together", Static: true,
		Why: "Port 443 and 8443 are for TLS, and 80 is not. A server that speaks TLS answers plain HTTP with a 400 or closes, which is a " +
			"502, and a TLS handshake with a plain server is a 502.",
		Source: passManual, Find: schemePort,
	},
	{
		ID: "script-missing", Severity: "high", Title: "PHP is not told which script to run", Static: true,
		Why: "Without SCRIPT_FILENAME PHP-FPM runs nothing: each page is an empty 200, or \"File not found.\", and no log says why. The " +
			"file fastcgi_params, as nginx and Debian have it, lacks it; fastcgi.conf has it.",
		Source: "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_param", Find: scriptMissing,
	},
	{
		ID: "proto-lost", Severity: "low", Title: "the application is not told that visitors came over TLS", Static: true,
		Why: "It takes them for visitors without TLS: its links and redirects begin with http://, and one that insists on TLS sends each " +
			"visitor to where he is already, until the browser gives up.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header", Find: protoLost,
	},
}

// ofQuery are the variables that hold a request's query.
var ofQuery = regexp.MustCompile(`\$\{?(?:args|query_string|is_args|request_uri|arg_\w+)\b`)

// ofPath are those that hold its path, or a part of it, and never the query: those of regular expressions have a number.
var ofPath = regexp.MustCompile(`\$\{?(?:uri|document_uri|fastcgi_script_name|[1-9])\b\}?`)

// uriLost looks at what is written behind the host. Of other variables nobody can read here what they hold.
func uriLost(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		if s.lostOfURI() != "" {
			found.add(s.passCause(), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		written := s.conf.Target.Written
		if s.lostOfURI() == "query" {
			return g.reading("the query of each request is lost", "with a variable in it "+written+" is all that is sent, and it holds no $args",
				g.patch(rewritten(g.directive, written+"$is_args$args")))
		}
		uri := uriOf(written)
		f := g.reading("every request is passed on as "+uri, "with a variable in it "+written+" is all that is sent, whatever was asked for", s.wholeURIPatch(g))
		f.Severity = "high"
		return f
	})
}

// lostOfURI says what of a request's URI the pass directive leaves out: "query", "path" or nothing.
func (s observation) lostOfURI() string {
	d := s.conf.Target.Pass
	if d == nil || d.Name != "proxy_pass" || !s.conf.Target.Variables || s.conf.Location == nil || own(s.conf.Location, "internal") != nil ||
		s.route.Role != nginxconf.Content && s.route.Role != nginxconf.Try {
		return ""
	}
	_, rest, ok := strings.Cut(s.conf.Target.Written, "://")
	if !ok || strings.ContainsAny(rest, "?") || ofQuery.MatchString(rest) {
		return ""
	}
	at := strings.IndexByte(rest, '/')
	if i := ofPath.FindStringIndex(rest); i != nil && (at < 0 || i[0] < at) {
		at = i[0]
	}
	if at < 0 {
		return "" // no URI, and nginx passes on the client's own
	}
	path := rest[at:]
	switch {
	case !strings.Contains(path, "$"):
		if text, ok := prefixText(s.conf.Location); ok && (text == "/" || strings.HasSuffix(text, "/")) {
			return "path"
		}
	case !strings.Contains(ofPath.ReplaceAllString(s.withoutCaptures(path), ""), "$"):
		return "query"
	}
	return ""
}

var namedCapture = regexp.MustCompile(`\(\?P?[<'](\w+)[>']`)

// withoutCaptures is a text without the variables that the location's own regular expression sets, which hold no query.
func (s observation) withoutCaptures(text string) string {
	for _, m := range namedCapture.FindAllStringSubmatch(strings.Join(s.conf.Location.Args, " "), -1) {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "${"+m[1]+"}", ""), "$"+m[1], "")
	}
	return text
}

// plainPath is a location's text that means itself in a regular expression.
var plainPath = regexp.MustCompile(`^(?:/[\w-]+)*/$`)

// wholeURIPatch passes on what proxy_pass would put together without the variable.
func (s observation) wholeURIPatch(g *group) patch {
	text, _ := prefixText(s.conf.Location)
	written := s.conf.Target.Written
	uri := uriOf(written)
	if text == uri {
		return g.patch(rewritten(g.directive, strings.TrimSuffix(written, uri)))
	}
	rewrite := fmt.Sprintf("rewrite ^%s(.*)$ %s$1 break;", text, uri)
	switch pass := rewritten(g.directive, strings.TrimSuffix(written, uri)); {
	case !plainPath.MatchString(text) || !strings.HasSuffix(uri, "/") || own(s.conf.Location, "rewrite") != nil:
		return g.patch("# make the URI by a rewrite with break, and leave it out of proxy_pass")
	case own(s.conf.Location, "set") != nil || own(s.conf.Location, "if") != nil:
		return g.patch("# behind each set and if, as break ends them: "+rewrite, "# and then "+pass)
	default:
		return g.patch(rewrite, pass)
	}
}

// schemePort leaves alone what is a server of this gateway, which the config itself says the protocol of. No lab can tell which of
// the two is meant, the scheme or the port.
func schemePort(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		if s.conf.Target.Pass != nil && s.conf.Target.Self == nil && s.oddPort() != 0 {
			found.add(s.passCause(), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		port, protocol := s.oddPort(), s.route.Protocol
		m := g.patch("# if that port speaks HTTP: proxy_pass http://...")
		if other, ok := otherScheme[protocol]; ok {
			_, rest, _ := strings.Cut(s.conf.Target.Written, "://")
			m = g.patch(rewritten(g.directive, other+"://"+rest))
			m.hangs = true
		}
		f := g.reading(fmt.Sprintf("%s is spoken to port %d", spoken[protocol], port),
			fmt.Sprintf("%s calls port %d, which is %s", rewritten(g.directive, s.conf.Target.Written), port, usually(port)), m)
		if port == 8443 {
			f.Severity = "low" // anybody may have that
		}
		return f
	})
}

var (
	otherScheme = map[string]string{"http": "https", "https": "http", "grpc": "grpcs", "grpcs": "grpc"}
	spoken      = map[string]string{"http": "plain HTTP", "https": "TLS", "grpc": "plain gRPC", "grpcs": "TLS", "fastcgi": "FastCGI", "uwsgi": "uwsgi",
		"suwsgi": "uwsgi over TLS", "scgi": "SCGI"}
)

func usually(port int) string {
	if port == 80 {
		return "that of plain HTTP"
	}
	return "one of HTTPS"
}

// oddPort is a port of the route's upstreams that another protocol than the route's is spoken at; 0 for none.
func (s observation) oddPort() int {
	for _, p := range s.conf.Target.Peers {
		secure := p.Port == 443 || p.Port == 8443
		switch s.route.Protocol {
		case "http", "grpc":
			if secure {
				return p.Port
			}
		case "https", "grpcs":
			if p.Port == 80 {
				return p.Port
			}
		case "fastcgi", "uwsgi", "suwsgi", "scgi":
			if secure || p.Port == 80 {
				return p.Port
			}
		}
	}
	return 0
}

// incomplete reports whether files are included that are not there: what a block lacks may be in them.
func incomplete(e *audit.Evidence) bool { return len(e.Config.Missing) > 0 }

// scriptMissing takes a route for PHP's by its names.
func scriptMissing(e *audit.Evidence) []audit.Finding {
	if incomplete(e) {
		return nil
	}
	var found collector
	for _, s := range configRoutes(e) {
		if s.route.Protocol != "fastcgi" || s.conf.Location == nil || !s.isPHP() || slices.ContainsFunc(s.all("fastcgi_param"), func(d *nginxconf.Directive) bool {
			return len(d.Args) > 0 && d.Args[0] == "SCRIPT_FILENAME"
		}) {
			continue
		}
		c := s.passCause()
		c.directive, c.lacks = nil, []string{"fastcgi_param SCRIPT_FILENAME"}
		found.add(c, s)
	}
	return found.findings(func(g *group) audit.Finding {
		return g.reading("PHP is not told which script to run", "no fastcgi_param SCRIPT_FILENAME holds for "+g.observations[0].route.ID,
			g.patch(withInherited(g.block, "fastcgi_param", "fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;")...))
	})
}

// isPHP reports whether a FastCGI route is PHP's, by its location or its upstream.
func (s observation) isPHP() bool {
	text := strings.ToLower(s.conf.Match + " " + s.conf.Target.Written)
	return strings.Contains(text, "php") || strings.Contains(text, "fpm") ||
		slices.ContainsFunc(s.conf.Target.Peers, func(p nginxconf.Peer) bool { return strings.Contains(p.Socket, "php") })
}

// tellsScheme are the fields by which applications know that a visitor came over TLS.
var tellsScheme = []string{"X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Https", "X-Url-Scheme",
	"X-Scheme", "Front-End-Https", "Forwarded", "HTTPS", "CloudFront-Forwarded-Proto", "X-Forwarded-Port"}

// protoLost is for applications that are told by which name they were asked for: they make links of that.
func protoLost(e *audit.Evidence) []audit.Finding {
	var found collector
	if incomplete(e) {
		return nil
	}
	for _, s := range configRoutes(e) {
		host := s.proxyHeader("Host")
		if s.route.Protocol != "http" || s.conf.Target.Self != nil || s.route.Role == nginxconf.Auth || s.route.Role == nginxconf.Mirror ||
			host == nil || len(host.Args) < 2 || !strings.HasPrefix(host.Args[1], "$host") && !strings.HasPrefix(host.Args[1], "$http_host") ||
			!slices.ContainsFunc(s.conf.Listens, func(l nginxconf.Listen) bool { return l.TLS }) ||
			slices.ContainsFunc(tellsScheme, func(field string) bool { return s.proxyHeader(field) != nil }) {
			continue
		}
		found.add(cause{block: host.Parent, lacks: []string{"proxy_set_header X-Forwarded-Proto"}, place: host.Place}, s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		f := g.reading("the application is not told that visitors came over TLS", s.route.ID+" is passed on with the visitor's Host, and without X-Forwarded-Proto",
			g.patch("proxy_set_header X-Forwarded-Proto $scheme;"))
		if slices.ContainsFunc(e.Config.Find("return"), func(d *nginxconf.Directive) bool { return toHTTPS(d) != "" }) {
			f.Severity = "medium" // a redirect of its to http:// comes back to it
		}
		return f
	})
}
