package provision

import (
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// wrap writes the main file around the fragments.
func (t *Tree) wrap() error {
	first := !t.Wrapper
	if first {
		t.Wrapper = true
		t.Main = t.At + "/nginx.conf"
		for n := 0; t.has(t.Main); n++ {
			t.Main = fmt.Sprintf("%s/badgateway%s.conf", t.At, strings.Repeat("_", n))
		}
	}
	names := map[string]bool{} // what the fragments say themselves
	for _, f := range t.fragments {
		text, _, _ := t.read(f.file)
		for _, n := range outline(text) {
			names[n.name] = true
			if n.name == "log_format" && len(n.args) > 0 {
				names["log_format "+n.args[0]] = true
			}
		}
	}
	inside := map[string][]string{}
	hosts := map[string]bool{}
	for _, f := range t.fragments {
		line := fmt.Sprintf("include %q;", f.file)
		if f.kind == inServer {
			line = fmt.Sprintf("server { %s %s }", t.serverHead(f.file, hosts), line)
			inside[inHTTP] = append(inside[inHTTP], line)
		} else {
			inside[f.kind] = append(inside[f.kind], line)
		}
	}
	var b strings.Builder
	b.WriteString("# What a fragment needs around it. It was written by badgateway.\n")
	for _, d := range t.definitions["main"] {
		b.WriteString(d + "\n")
	}
	if !strings.Contains(t.textOf(whole), "events") {
		b.WriteString("events {}\n")
	}
	for _, line := range inside[whole] {
		b.WriteString(line + "\n")
	}
	if all := inside[inHTTP]; len(all) > 0 {
		b.WriteString("http {\n")
		for _, d := range outerDirectives {
			words := strings.Fields(d)
			if words[0] == "log_format" {
				if names["log_format "+words[1]] {
					continue
				}
			} else if names[words[0]] && words[0] != "include" || t.dropped[words[0]] {
				continue
			}
			b.WriteString("    " + d + "\n")
		}
		for _, d := range append(t.definitions["http"], all...) {
			b.WriteString("    " + d + "\n")
		}
		b.WriteString("}\n")
	}
	if all := inside[inStream]; len(all) > 0 {
		b.WriteString("stream {\n")
		for _, d := range append(t.definitions["stream"], all...) {
			b.WriteString("    " + d + "\n")
		}
		b.WriteString("}\n")
	}
	t.put(agentapi.File{Path: t.Main, Data: b.String()})
	if !first {
		return nil
	}
	var what []string
	for _, f := range t.fragments {
		place := t.Place(f.file, 0)
		what = append(what, place.File)
	}
	chief := what[0]
	sort.Strings(what)
	shown := what
	if len(shown) > 6 {
		shown = append(append([]string(nil), shown[:6]...), fmt.Sprintf("and %d more", len(what)-6))
	}
	t.noteSupplied("wrapper", strings.Join(shown, ", "), "a main file around it, "+path.Base(t.Main), nginxconf.Place{File: chief, Line: 1})
	return t.admit(t.Main, "main", nginxconf.Place{})
}

// serverHead is what a server of the lab's around a file of locations listens on. Of several files each has a name of its own, so that
// they do not meet; so has one beside servers of the user's.
func (t *Tree) serverHead(file string, taken map[string]bool) string {
	if len(t.fragments) == 1 {
		return "listen 80 default_server; server_name _;"
	}
	name := strings.TrimSuffix(strings.TrimSuffix(path.Base(t.Place(file, 0).File), path.Ext(file)), "_location")
	if ext := path.Ext(file); strings.HasSuffix(ext, "_location") { // nginx-proxy's, named for the host
		name += strings.TrimSuffix(ext, "_location")
	}
	name = strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "-"), "-.")
	if !strings.Contains(name, ".") {
		name += ".locations"
	}
	for own, n := name, 2; ; n++ {
		if !taken[name] {
			taken[name] = true
			return fmt.Sprintf("listen 80; server_name %s;", name)
		}
		name = fmt.Sprintf("%s-%d", own, n)
	}
}

var notInName = regexp.MustCompile(`[^a-z0-9.-]+`)

// outerDirectives is what an http block around a fragment says, as that of the distributions does.
var outerDirectives = []string{
	"include mime.types;",
	"default_type application/octet-stream;",
	"log_format main '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"';",
	"access_log /var/log/nginx/access.log;",
	"server_names_hash_bucket_size 128;",
	"types_hash_max_size 2048;",
}

// textOf is the text of all fragments of a kind.
func (t *Tree) textOf(kind string) string {
	all := ""
	for _, f := range t.fragments {
		if f.kind == kind {
			text, _, _ := t.read(f.file)
			for _, n := range outline(text) {
				all += n.name + "\n"
			}
		}
	}
	return all
}

// define adds a directive at the level of "http" or "stream": in our own main file, or in a further file that an
// include of the config matches. It is false where neither is to be had.
func (t *Tree) define(within, directive string) bool {
	if t.Wrapper && (len(t.fragments) != 1 || t.fragments[0].kind != whole) {
		for _, d := range t.definitions[within] {
			if d == directive {
				return false // it was tried already
			}
		}
		t.definitions[within] = append(t.definitions[within], directive)
		return t.wrap() == nil
	}
	for _, s := range t.includeGlobs {
		if s.context != within {
			continue
		}
		file := s.newPath()
		text, _, _ := t.read(file)
		if strings.Contains(text, directive) {
			continue
		}
		t.put(agentapi.File{Path: file, Data: text + directive + "\n"})
		return true
	}
	return false
}
