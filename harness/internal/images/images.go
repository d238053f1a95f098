// Package images holds the Dockerfiles of the project's own images, compiled
// into the program so that an installed binary needs no source tree.
package images

import (
	"embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

//go:embed *.Dockerfile
var files embed.FS

// table maps the name under which the harness asks for an image to the
// Dockerfile that makes it. Names may share one: an image is built once.
var table = map[string]string{
	"gateway": "lab",
	"php":     "lab",
	"nginx":   "nginx",
	"uwsgi":   "lab",
}

// Dockerfile returns the text of the Dockerfile for the named image, and the
// short repository name ("lab") that every image built from it is tagged with.
// An unknown name is an error that lists the known ones.
// The text has no comments: who changes one alone has the same image, which is known by a hash of its Dockerfile.
func Dockerfile(name string) (repository string, text []byte, err error) {
	repository, ok := table[name]
	if !ok {
		return "", nil, fmt.Errorf("no image is named %q: the images are %s (the table of harness/internal/images/images.go)", name, strings.Join(Names(), ", "))
	}
	text, err = read(repository)
	return repository, text, err
}

// Names returns the names Dockerfile knows, sorted.
func Names() []string {
	return slices.Sorted(maps.Keys(table))
}

// Musl returns the Dockerfile of the image that libfaketime is compiled in for gateways built for musl. It is in no table:
// an image with nothing else in it is made only where such a gateway is.
func Musl() ([]byte, error) { return read("musl") }

// read returns one of the Dockerfiles without its comments. None has a heredoc, in which such a line would not be one.
func read(repository string) ([]byte, error) {
	text, err := files.ReadFile(repository + ".Dockerfile")
	return comment.ReplaceAll(text, nil), err
}

var comment = regexp.MustCompile(`(?m)^[ \t]*#.*\n`)
