package review

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var (
	whereLine = regexp.MustCompile(`:(\d+)(?:, in place of lines? ([\d, and]+))?$`)
	alsoIn    = regexp.MustCompile(`^# and in (.+):$`)
	numbers   = regexp.MustCompile(`\d+`)
)

// ApplyPatch is a config of one file after a finding's patch, so that it can be proven that the same check passes then. It does
// what a reader would: the lines go to the head of the block that In names, in place of the lines that it names. Each block
// has to open on the line that names it, as in the examples.
func ApplyPatch(conf string, f audit.Finding) (string, error) {
	c, err := nginxconf.Read(nginxconf.Map(map[string]string{f.Place.File: conf}), f.Place.File, "/etc/nginx")
	if err != nil {
		return "", fmt.Errorf("reading the config to be mended: %w", err)
	}
	old := strings.Split(conf, "\n")
	gone := map[int]bool{}
	put := map[int][]string{}
	home, err := place(f.In, gone)
	if err != nil {
		return "", err
	}
	at := []int{home}
	for _, l := range strings.Split(f.Patch, "\n") {
		if m := alsoIn.FindStringSubmatch(l); m != nil {
			if at, err = blocks(c, m[1], home, gone); err != nil {
				return "", err
			}
			continue
		}
		for _, line := range at {
			put[line] = append(put[line], l)
		}
	}
	var out []string
	for i, l := range old {
		if !gone[i+1] {
			out = append(out, l)
		}
		out = append(out, put[i+1]...)
	}
	return strings.Join(out, "\n"), nil
}

// place reads "location / at nginx.conf:12, in place of lines 14 and 15".
func place(in string, gone map[int]bool) (int, error) {
	m := whereLine.FindStringSubmatch(in)
	if m == nil {
		return 0, fmt.Errorf("the finding does not say in which line its mend goes: %q", in)
	}
	for _, n := range numbers.FindAllString(m[2], -1) {
		line, _ := strconv.Atoi(n)
		gone[line] = true
	}
	line, _ := strconv.Atoi(m[1])
	return line, nil
}

// blocks are the lines of the blocks that the further lines of a patch go to: http or stream, the server around the patch, or all below it.
func blocks(c *nginxconf.Config, where string, home int, gone map[int]bool) ([]int, error) {
	if strings.Contains(where, " at ") {
		line, err := place(where, gone)
		return []int{line}, err
	}
	name := "server"
	if where == "http" || where == "stream" {
		name = where
	}
	var all, around []int
	for _, d := range c.Find(name) {
		if d.Parent != nil && d.Parent.Name == "upstream" {
			continue
		}
		all = append(all, d.Place.Line)
		if d.Place.Line == home || slices.ContainsFunc(d.Block, func(sub *nginxconf.Directive) bool { return has(sub, home) }) {
			around = append(around, d.Place.Line)
		}
	}
	if len(around) > 0 {
		return around, nil
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the config has no %s block", name)
	}
	return all, nil
}

// has reports whether a directive, or one in it, begins on the line.
func has(d *nginxconf.Directive, line int) bool {
	return d.Place.Line == line || slices.ContainsFunc(d.Block, func(sub *nginxconf.Directive) bool { return has(sub, line) })
}
