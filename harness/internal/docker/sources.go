package docker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// source is a place packages come from, as apt's files name it.
type source struct {
	uri, suite string
	components []string
}

// releases are the names under which a Debian archive's suites go. They tell
// a mirror of Debian's from all other sources a machine may have.
var releases = []string{
	"buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid",
	"oldoldstable", "oldstable", "stable", "testing", "unstable",
}

// sourcesList returns this machine's own Debian mirrors as a sources.list for
// a suite, "" where it has none (Ubuntu, say): then mmdebstrap's default
// mirror serves.
func sourcesList(suite string) (string, error) {
	all, err := machineSources("/etc/apt")
	if err != nil {
		return "", err
	}
	return debianList(all, suite), nil
}

// machineSources reads apt's files, in the old format and in the new.
func machineSources(dir string) ([]source, error) {
	var all []source
	lists, _ := filepath.Glob(filepath.Join(dir, "sources.list.d", "*.list"))
	for _, path := range append([]string{filepath.Join(dir, "sources.list")}, lists...) {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		all = append(all, parseList(string(text))...)
	}
	stanzas, _ := filepath.Glob(filepath.Join(dir, "sources.list.d", "*.sources"))
	for _, path := range stanzas {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all = append(all, parseStanzas(string(text))...)
	}
	return all, nil
}

// parseList reads the one-line format: deb [options] uri suite component...
func parseList(text string) []source {
	var all []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "[") {
			_, rest, _ = strings.Cut(rest, "]")
		}
		if f := strings.Fields(rest); len(f) >= 3 {
			all = append(all, source{uri: f[0], suite: f[1], components: f[2:]})
		}
	}
	return all
}

// parseStanzas reads the deb822 format: paragraphs of "Field: values", where a
// line that begins with a space goes on with the field before.
func parseStanzas(text string) []source {
	var all []source
	fields := map[string]string{}
	field := ""
	end := func() {
		off := strings.EqualFold(strings.TrimSpace(fields["enabled"]), "no")
		if slices.Contains(strings.Fields(fields["types"]), "deb") && !off {
			for _, uri := range strings.Fields(fields["uris"]) {
				for _, suite := range strings.Fields(fields["suites"]) {
					all = append(all, source{uri, suite, strings.Fields(fields["components"])})
				}
			}
		}
		fields, field = map[string]string{}, ""
	}
	for line := range strings.Lines(text) {
		switch {
		case strings.TrimSpace(line) == "":
			end()
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			fields[field] += " " + line
		default:
			name, value, _ := strings.Cut(line, ":")
			field = strings.ToLower(strings.TrimSpace(name))
			fields[field] = value
		}
	}
	end()
	return all
}

// debianList writes a sources.list for a suite out of the Debian mirrors among
// sources, whichever release the machine itself runs. It names no key: the
// image's own apt trusts Debian's.
//
// The suite's updates and fixes are asked for where they are sure to be: beside
// our own suite, and where the machine takes them from. Of an old release, and
// of sid, a mirror may have none.
func debianList(sources []source, suite string) string {
	var lines []string
	for _, s := range sources {
		release, rest, _ := strings.Cut(s.suite, "-")
		release, slash, old := strings.Cut(release, "/")
		if !slices.Contains(releases, release) || old && slash != "updates" {
			continue
		}
		if rest != "" && suite != ownSuite && suite != release {
			continue
		}
		to := suite
		switch rest {
		case "":
		case "updates", "security":
			to += "-" + rest
		default:
			continue // backports, proposed updates: not for us
		}
		if old { // how security was named up to buster
			to = suite + "-security"
		}
		line := "deb " + s.uri + " " + to + " main\n"
		if slices.Contains(s.components, "main") && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	// Fixes alone make no system.
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, " "+suite+" ") }) {
		return ""
	}
	return strings.Join(lines, "")
}

// keyrings returns the files with Debian's keys that this machine has, which
// apt is told to trust while it fetches; none leaves it to apt's own.
func keyrings() []string {
	var found []string
	for _, end := range []string{"gpg", "pgp"} {
		path := "/usr/share/keyrings/debian-archive-keyring." + end
		if _, err := os.Stat(path); err == nil {
			return append(found, path)
		}
	}
	return found
}
