package nginxconf

import (
	"net/netip"
	"regexp"
	"strings"
)

var digits = regexp.MustCompile(`^[0-9]$`)

// variable is a variable's value for this request.
func (r *simulation) variable(name string, depth int) (value string, known bool) {
	if r.out.steps++; depth > maxNesting || r.out.steps > maxSteps || !r.m.spend(1) {
		return "", false
	}
	if digits.MatchString(name) {
		return r.groups[name], true
	}
	if value, ok := r.set[name]; ok {
		return value, !r.unknown[name]
	}
	if value, ok := r.named[name]; ok {
		return value, true
	}
	for _, d := range r.m.vars.all[name] {
		if sameProtocol(d, r.s.server) {
			switch d.Name {
			case "map":
				return r.mapped(d, depth)
			case "geo":
				return r.byAddress(d), true
			case "split_clients":
				return r.split(d, depth)
			}
			return "", false
		}
	}
	if r.m.vars.known(name) {
		return "", true // a set that this request did not pass
	}
	return r.builtin(name)
}

// mapped is the value that a map has for this request.
func (r *simulation) mapped(d *Directive, depth int) (string, bool) {
	further := func(name string) (string, bool) { return r.variable(name, depth+1) }
	source, ok := r.join(d.arg(0), further)
	if !ok {
		return "", false
	}
	entry, groups := r.m.mapEntry(d, source)
	if entry == nil {
		return "", true
	}
	value, _ := entryValue(d, entry)
	if value, ok = r.join(value, func(name string) (string, bool) {
		if text, ok := groups[name]; ok {
			return text, true
		}
		return further(name)
	}); !ok {
		return "", false
	}
	return value, true
}

// mapEntry is the entry that a map takes for a text: exact, names with a star, expressions in order, default.
func (m *routeFinder) mapEntry(d *Directive, source string) (*Directive, map[string]string) {
	var standard, head, tail *Directive
	if !m.spend(len(d.Block) / 4) {
		return nil, nil
	}
	hostnames := false
	for _, e := range d.Block {
		hostnames = hostnames || e.Name == "hostnames" && len(e.Args) == 0
	}
	for _, e := range d.Block {
		if len(e.Args) != 1 {
			continue
		}
		key := unslash(e.Name)
		switch {
		case e.Name == "default":
			standard = e
		case strings.HasPrefix(e.Name, "~"):
		case strings.EqualFold(key, source):
			return e, nil
		case hostnames && strings.HasPrefix(key, "*.") && hasSuffixFold(source, key[1:]):
			head = longer(head, e)
		case hostnames && strings.HasPrefix(key, ".") && (hasSuffixFold(source, key) || strings.EqualFold(source, key[1:])):
			head = longer(head, e)
		case hostnames && strings.HasSuffix(key, ".*") && strings.HasPrefix(strings.ToLower(source), strings.ToLower(key[:len(key)-1])):
			tail = longer(tail, e)
		}
	}
	for _, e := range []*Directive{head, tail} {
		if e != nil {
			return e, nil
		}
	}
	for _, e := range d.Block {
		if strings.HasPrefix(e.Name, "~") && len(e.Args) == 1 {
			if !m.spend(matchCost(e.Name, source)) {
				return nil, nil
			}
			if groups := m.entryRegex(e).match(source); groups != nil {
				return e, groups
			}
		}
	}
	return standard, nil
}

// unslash takes the backslash off a key that would else be a parameter or an expression (\~x, \default).
func unslash(key string) string { return strings.TrimPrefix(key, `\`) }

func longer(a, b *Directive) *Directive {
	if a != nil && len(a.Name) >= len(b.Name) {
		return a
	}
	return b
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) > len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// byAddress is the value of a geo for this client.
func (r *simulation) byAddress(d *Directive) string {
	from := r.candidate.From
	if from == "" {
		from = anyClient
	}
	value, bits := "", -1
	if !r.m.spend(len(d.Block) / 4) {
		return ""
	}
	for _, e := range d.Block {
		if len(e.Args) != 1 {
			continue
		}
		if e.Name == "default" && bits < 0 {
			value = e.Args[0]
		}
		if covers(e.Name, from) {
			n := 128
			if p, err := netip.ParsePrefix(e.Name); err == nil {
				n = p.Bits()
			}
			if n > bits {
				value, bits = e.Args[0], n
			}
		}
	}
	return value
}

// builtin are nginx's own variables, as far as a request shows them.
func (r *simulation) builtin(name string) (string, bool) {
	header := func(name string) string {
		for key, value := range r.candidate.Header {
			if strings.EqualFold(key, name) {
				return value
			}
		}
		return ""
	}
	switch name {
	case "request_method":
		return r.candidate.Method, true
	case "host", "http_host":
		return strings.ToLower(r.candidate.Host), true
	case "uri", "document_uri", "fastcgi_script_name":
		return r.path, true
	case "request_uri":
		return r.candidate.URI, true
	case "args", "query_string":
		return r.args, true
	case "is_args":
		if r.args != "" {
			return "?", true
		}
		return "", true
	case "scheme":
		if r.candidate.Listen.TLS {
			return "https", true
		}
		return "http", true
	case "https":
		if r.candidate.Listen.TLS {
			return "on", true
		}
		return "", true
	case "ssl_server_name":
		return r.candidate.TLSName, true
	case "server_port":
		return itoa(r.candidate.Listen.Port), true
	case "server_name":
		if len(r.s.names) > 0 {
			return r.s.names[0], true
		}
		return "", true
	case "remote_addr", "binary_remote_addr", "realip_remote_addr":
		if r.candidate.From != "" {
			return r.candidate.From, true
		}
		return anyClient, true
	case "remote_user", "invalid_referer", "limit_rate":
		return "", true
	case "document_root", "realpath_root":
		return docRoot, true
	case "request_filename":
		return docRoot + r.path, true
	case "content_type":
		return header("Content-Type"), true
	case "content_length":
		return header("Content-Length"), true
	case "server_protocol":
		return "HTTP/1.1", true
	case "status":
		return "", false
	}
	if key, ok := strings.CutPrefix(name, "http_"); ok {
		return header(strings.ReplaceAll(key, "_", "-")), true
	}
	if key, ok := strings.CutPrefix(name, "arg_"); ok {
		for pair := range strings.SplitSeq(r.args, "&") {
			if k, v, _ := strings.Cut(pair, "="); strings.EqualFold(k, key) {
				return v, true
			}
		}
		return "", true
	}
	if key, ok := strings.CutPrefix(name, "cookie_"); ok {
		for pair := range strings.SplitSeq(header("Cookie"), ";") {
			if k, v, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(k, key) {
				return v, true
			}
		}
		return "", true
	}
	return "", false
}
