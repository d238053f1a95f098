package provision

import (
	"bufio"
	"embed"
	"fmt"
	"path"
	"strconv"
	"strings"
)

//go:embed data/*.tsv
var data embed.FS

// rows reads a table: fields parted by tabs, lines that begin with # for the reader.
func rows(name string) [][]string {
	f, err := data.Open("data/" + name + ".tsv")
	if err != nil {
		panic(err) // it is built in
	}
	defer f.Close()
	var all [][]string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "# ") {
			all = append(all, strings.Split(line, "\t"))
		}
	}
	return all
}

// inList reports whether a name is one of a list, where "x_*" stands for all that begin so.
func inList(list, name string) bool {
	for _, p := range strings.Fields(list) {
		if p == name {
			return true
		}
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

// A module is one that is packaged.
type module struct {
	so, deb, needs, knows string
	since                 string // the first of Debian's nginx that it is packaged for; empty for all
}

var packaged, packagedStream = modulesOf("modules"), modulesOf("stream-modules")

func modulesOf(table string) []module {
	var all []module
	for _, r := range rows(table) {
		m := module{so: r[0], deb: r[1], needs: strings.TrimPrefix(r[2], "-"), knows: r[3]}
		if len(r) > 4 {
			m.since = r[4]
		}
		all = append(all, m)
	}
	return all
}

// lacking is what to do about a module that the image at hand has not.
func (m module) lacking(version string) string {
	if m.since != "" && older(version, m.since) {
		return chooseVersion(m.since, "") + ", which has it"
	}
	return "check with --image and an image that has it (Debian's package is " + m.deb + ")"
}

// moduleOf is the packaged module that has a directive or a variable ("$geoip_city").
func moduleOf(name string, stream bool) (module, bool) {
	tables := [][]module{packaged}
	if stream {
		tables = [][]module{packagedStream, packaged}
	}
	for _, table := range tables {
		for _, m := range table {
			if inList(m.knows, name) {
				return m, true
			}
		}
	}
	return module{}, false
}

// moduleFile is the packaged module with that file name.
func moduleFile(so string) (module, bool) {
	for _, m := range append(append([]module(nil), packaged...), packagedStream...) {
		if m.so == so {
			return m, true
		}
	}
	return module{}, false
}

// findRow finds the row of a table whose first fields fit a name; nil when there is none.
func findRow(table, name string) []string {
	for _, r := range rows(table) {
		if r[0] == name || strings.HasSuffix(r[0], "*") && !strings.Contains(r[0], " ") && inList(r[0], name) {
			return r
		}
	}
	return nil
}

// unpackagedModule is the module, packaged nowhere, that has a directive.
func unpackagedModule(directive string) string {
	for _, r := range rows("unpackaged") {
		if inList(r[1], directive) {
			return r[0]
		}
	}
	return ""
}

// older reports whether a version comes before another. A version that can't be read is not older.
func older(version, than string) bool {
	a, b := numbers(version), numbers(than)
	if a == nil {
		return false
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return len(a) < len(b)
}

func numbers(version string) []int {
	var all []int
	for _, p := range strings.Split(version, ".") {
		n, err := strconv.Atoi(p)
		if err != nil {
			return nil
		}
		all = append(all, n)
	}
	return all
}

// releases are Debian's, with their nginx: what --nginx can be given without a registry.
var releases = []struct{ version, name string }{{"1.18.0", "bullseye"}, {"1.22.1", "bookworm"}, {"1.26.3", "trixie"}, {"1.30.0", "sid"}}

// chooseVersion says which nginx to take, for one that has to be at least so new, or older than that.
func chooseVersion(since, before string) string {
	for i := range releases {
		r := releases[i]
		if before != "" {
			r = releases[len(releases)-1-i]
		}
		if since != "" && !older(r.version, since) || before != "" && older(r.version, before) {
			short := r.version[:strings.LastIndex(r.version, ".")]
			return fmt.Sprintf("check with --nginx %s (Debian %s)", short, r.name)
		}
	}
	return "check with --image and one that you run"
}
