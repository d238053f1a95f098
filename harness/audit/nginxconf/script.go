package nginxconf

import (
	"path"
	"regexp"
	"strings"
)

// scriptName is the path of a program.
var scriptName = regexp.MustCompile(`^/[\w./-]+\.\w+$`)

// Scripts are the files that a FastCGI location names itself and that have to be there for its requests to get on: its own
// path ("location = /front.php" with try_files), and those that try_files is to find or to refuse ("try_files /api.php =404").
func Scripts(location *Directive) []string {
	if location.Name != "location" || location.has("fastcgi_pass") == nil {
		return nil
	}
	tries := location.has("try_files")
	var out []string
	note := func(name string) {
		if scriptName.MatchString(name) {
			out = append(out, path.Clean(name))
		}
	}
	if m := matchOf(location); m.kind == "=" && (tries != nil || location.has("if") != nil) {
		note(m.text)
	}
	if tries == nil || len(tries.Args) < 2 || !strings.HasPrefix(tries.Args[len(tries.Args)-1], "=") {
		return out
	}
	names := tries.Args[:len(tries.Args)-1]
	for _, name := range names {
		if strings.Contains(name, "$") {
			return out
		}
	}
	for _, name := range names {
		note(name)
	}
	return out
}
