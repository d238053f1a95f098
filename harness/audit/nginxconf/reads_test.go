package nginxconf

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// What 6 MB can hold, enough to reach each bound, or 10 MB (make hostile), is read within the memory that a check may take, or refused with its place, what it was that is too
// much, and what to do.
func TestRead_BoundsMemory(t *testing.T) {
	size := 6 << 20
	if os.Getenv("BADGATEWAY_HOSTILE") != "" {
		size = 10 << 20
	}
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	const directives, words = "more than 300000 directives: name a smaller part of the config", "more than 1000000 words: name a smaller part of the config"
	for name, c := range map[string]struct{ config, err string }{
		"blocks":                     {fill("a{"), directives},
		"blocks on lines":            {fill("a\n{\n"), directives},
		"directives":                 {fill("a;"), directives},
		"directives on lines":        {fill("a b;\n"), "nginx.conf:300001: the files of this config have " + directives},
		"words":                      {fill("a "), words},
		"quoted words":               {fill(`"" `), words},
		"words on lines":             {fill("\na"), "nginx.conf:1000002: the files of this config have " + words},
		"closing braces":             {fill("}"), `unexpected "}"`},
		"pairs of braces":            {"a " + fill("{}"), "unexpected"},
		"semicolons":                 {fill(";"), "unexpected"},
		"one word":                   {fill("a"), "the file ends before"},
		"one quoted word":            {`a "` + fill("b") + `";`, ""},
		"a quoted word of lines":     {"a \"\n" + fill("b") + `";`, ""},
		"a long name beside Lua":     {"access_by_lua_block {} log_by_lua_block {} " + fill("a"), "the file ends before"},
		"a long name beside all Lua": {strings.Join(luaBlocks, "{} ") + "{} " + fill("a"), "nginx.conf:1: more than 8 kinds of blocks of Lua"},
		"an open quote":              {`a "` + fill("b"), "the file ends before"},
		"backslashes":                {"a " + fill(`\\`) + ";", ""},
		"comments":                   {fill("#\n"), ""},
		"one comment":                {"#" + fill("a"), ""},
		"empty lines":                {fill("\n"), ""},
		"Lua":                        {"content_by_lua_block {" + fill("{}") + "}", ""},
		"open Lua":                   {"content_by_lua_block {" + fill("{"), "the block of Lua that begins here"},
		"blocks of Lua":              {fill("init_by_lua_block{}"), directives},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			allocated, err := reading(map[string]string{"nginx.conf": c.config})
			t.Logf("%d MiB", allocated)
			most := 400
			if c.err == "" { // it grows with the size, and ends at no bound
				most = 40 * (size >> 20)
			}
			g.Expect(allocated).To(BeNumerically("<", most), "MiB")
			if c.err == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(And(HavePrefix("nginx.conf:"), ContainSubstring(c.err))))
		})
	}
}

// Words count as often as their file is included, and a directive may have many.
func TestRead_BoundsWhatIncludesMultiply(t *testing.T) {
	g := NewWithT(t)
	allocated, err := reading(map[string]string{
		"nginx.conf": strings.Repeat("include a;\n", 100_000),
		"a":          "server_name" + strings.Repeat(" a", 100_000) + ";",
	})
	g.Expect(err).To(MatchError("a:1: the includes unfold to more than 1000000 words: name a smaller part of the config"))
	g.Expect(allocated).To(BeNumerically("<", 400), "MiB")
}

// The files of a config have one bound together.
func TestRead_BoundsAllFilesTogether(t *testing.T) {
	g := NewWithT(t)
	files := map[string]string{"nginx.conf": "include many/*;"}
	for i := range 10 {
		files[fmt.Sprintf("many/%d", i)] = strings.Repeat("a;", 1<<19)
	}
	allocated, err := reading(files)
	g.Expect(err).To(MatchError("many/0:1: the files of this config have more than 300000 directives: name a smaller part of the config"))
	g.Expect(allocated).To(BeNumerically("<", 400), "MiB")
}

// counted counts how often the files of a pattern are asked for.
type counted struct {
	Files
	globs int
}

func (c *counted) Glob(pattern string) ([]string, error) {
	c.globs++
	return c.Files.Glob(pattern)
}

// An include with a wildcard is looked for once, however often it is there, and each file that it brings counts, also an empty one.
func TestRead_BoundsWildcards(t *testing.T) {
	g := NewWithT(t)
	files := map[string]string{"nginx.conf": strings.Repeat("include many/*;\n", 1000)}
	for i := range 301 {
		files[fmt.Sprintf("many/%d", i)] = ""
	}
	c := &counted{Files: Map(files)}
	_, err := Read(c, "nginx.conf", "/etc/nginx")
	g.Expect(c.globs).To(Equal(1))
	var much *TooMuch
	g.Expect(errors.As(err, &much)).To(BeTrue())
	g.Expect(much.Place).To(Equal(Place{"nginx.conf", 997}))
	g.Expect(much.Message).To(Equal("the includes unfold to more than 300000 files"))
	g.Expect(much.Remedy).NotTo(BeEmpty())
}

// reading reads a config; it reports how much was allocated for that, in MiB, which is more than was ever held.
func reading(files map[string]string) (allocated uint64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Read(Map(files), "nginx.conf", "/etc/nginx")
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20, err
}
