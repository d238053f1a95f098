package docker

import (
	"context"
	"slices"

	"github.com/badgateway/badgateway/harness/internal/images"
)

// NginxVersion is a branch of nginx that Nginx can make an image of.
type NginxVersion struct {
	Version string // the branch, such as "1.22"
	Suite   string // the Debian release that packages it
}

// nginxVersions is what Debian's releases have: an old one keeps its branch,
// sid moves on, about once a year. Then its line is to be changed here; until
// then the image's build says so.
var nginxVersions = []NginxVersion{
	{"1.18", "bullseye"},
	{"1.22", "bookworm"},
	{"1.26", "trixie"},
	{"1.30", "sid"},
}

// DefaultNginx is the version that Nginx takes where none is asked for.
const DefaultNginx = "1.22"

// NginxVersions returns the versions of nginx that Nginx can make an image of,
// the oldest first.
func NginxVersions() []NginxVersion { return slices.Clone(nginxVersions) }

// nginxBranches returns the versions' names alone.
func nginxBranches() []string {
	var names []string
	for _, v := range nginxVersions {
		names = append(names, v.Version)
	}
	return names
}

// Nginx returns the reference of the image in which configs are checked: the
// nginx of that version, "" for DefaultNginx, as Debian packages it, with all
// of Debian's modules in /usr/lib/nginx/modules and none of them loaded, and
// with libfaketime at FaketimePath. It is built if it is not on the engine.
//
// The error is a *NoNginxError for a version that can't be had, a *BuildError
// for a build that failed.
func (e *Engine) Nginx(ctx context.Context, version string) (ref string, err error) {
	r, err := nginxRecipe(version)
	if err != nil {
		return "", err
	}
	return e.image(ctx, r)
}

// nginxRecipe is the recipe of the image with a version of nginx.
func nginxRecipe(version string) (recipe, error) {
	if version == "" {
		version = DefaultNginx
	}
	i := slices.IndexFunc(nginxVersions, func(v NginxVersion) bool { return v.Version == version })
	if i < 0 {
		return recipe{}, &NoNginxError{Version: version}
	}
	r, err := images.Of("nginx")
	return recipe{
		repository: r.Repository, suite: nginxVersions[i].Suite, takes: "20 to 40 s", long: true,
		dockerfile: images.Fill(r.Text, map[string]string{"NGINX": version}),
	}, err
}
