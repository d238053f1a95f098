package docker

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/moby/moby/client"

	"github.com/badgateway/badgateway/harness/internal/images"
)

// baseRepository is the short name of the images under all others, whatever their suite.
const baseRepository = "base"

const baseName = namespace + baseRepository + ":"

// baseRef names the image under all others of a suite: a bare Debian with apt.
func baseRef(suite string) string { return baseName + suite }

// baseRecipe is what the images of a suite stand on: the bare Debian, with the lists of its packages. It is part of every
// other image's hash.
func baseRecipe(suite string) (recipe, error) {
	text, err := images.Base()
	return recipe{
		repository: baseRepository, suite: suite, takes: "10 s",
		dockerfile: images.Fill(text, map[string]string{"VALID": strconv.FormatBool(suite == ownSuite)}),
	}, err
}

// upstream names the image that a base is taken from where a registry answers.
func upstream(suite string) string { return "debian:" + suite + "-slim" }

// registryWithin bounds how long a registry is given to begin its answer;
// where packets to it are dropped, a pull would otherwise hang for minutes.
const registryWithin = 20 * time.Second

// bare returns the reference of a suite's bare Debian, and makes it if it is not
// there: from the registry's Debian image, or, where no registry answers, from
// Debian packages.
func (e *Engine) bare(ctx context.Context, suite string) (string, error) {
	err := locked(ctx, e.lockOf("image-debian-"+suite), e.log, func() error {
		if there, err := e.has(ctx, baseRef(suite)); err != nil || there {
			return err
		}
		pulled := e.baseFromRegistry(ctx, suite)
		if pulled == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return e.baseFromPackages(ctx, suite, pulled)
	})
	return baseRef(suite), err
}

// baseFromRegistry makes the base of the registry's Debian image, by labelling
// it as ours. A copy that it had to pull keeps no name of its own afterwards.
func (e *Engine) baseFromRegistry(ctx context.Context, suite string) error {
	from := upstream(suite)
	there, err := e.has(ctx, from)
	if err != nil {
		return err
	}
	if !there {
		e.log.Info("pulling " + from)
		if err := e.pull(ctx, from, registryWithin); err != nil {
			return err
		}
		defer func() { _, _ = e.client.ImageRemove(context.WithoutCancel(ctx), from, client.ImageRemoveOptions{}) }()
	}
	return e.build(ctx, baseRef(suite), []byte("FROM "+from+"\n"), nil)
}

// baseFromPackages makes the base with mmdebstrap, which is installed if need
// be. The error tells also why the registry did not serve.
func (e *Engine) baseFromPackages(ctx context.Context, suite string, pulled error) error {
	fail := func(err error, output, remedy string) error {
		b := buildError(baseRef(suite), fmt.Errorf("%w; and before that, from the registry: %w", err, pulled), output).(*BuildError)
		if remedy != "" {
			b.Remedy = remedy
		}
		return b
	}
	tool, err := exec.LookPath("mmdebstrap")
	if err != nil && installable() {
		e.log.Info("installing mmdebstrap, as no registry answers")
		if err := aptInstall(ctx, "mmdebstrap"); err != nil {
			return fail(err, "", "")
		}
		tool, err = exec.LookPath("mmdebstrap")
	}
	if err != nil {
		remedy := "give the engine access to a registry, or load the image " + upstream(suite) + " into it with `docker load`"
		if aptGet() != "" {
			remedy = "run `sudo apt-get install mmdebstrap` and try again"
		}
		return fail(err, "", remedy)
	}
	e.log.Info("making the base image of " + suite + " from Debian packages (10 to 20 s, once)")
	list, err := sourcesList(suite)
	if err != nil {
		return fail(err, "", "")
	}

	output, err := e.bootstrap(ctx, suite, tool, list)
	if err != nil {
		return fail(err, output, "")
	}
	return nil
}
