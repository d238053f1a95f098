package engine

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/moby/moby/client"
)

const (
	// baseRef is the image under all others: a bare Debian with apt. Its tag
	// is part of every other image's hash.
	baseRef = "badgateway/base:" + suite
	// upstream is the image it is taken from where a registry answers.
	upstream = "debian:" + suite + "-slim"
)

// registryWithin bounds how long a registry is given to begin its answer;
// where packets to it are dropped, a pull would otherwise hang for minutes.
const registryWithin = 20 * time.Second

// base returns the reference of the base image, and makes it if it is not
// there: from the registry's Debian image, or, where no registry answers, from
// Debian packages.
func (e *Engine) base(ctx context.Context) (string, error) {
	err := locked(ctx, "image-base", e.say, func() error {
		if there, err := e.has(ctx, baseRef); err != nil || there {
			return err
		}
		pulled := e.baseFromRegistry(ctx)
		if pulled == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return e.baseFromPackages(ctx, pulled)
	})
	return baseRef, err
}

// baseFromRegistry makes the base of the registry's Debian image, by labelling
// it as ours. A copy that it had to pull keeps no name of its own afterwards.
func (e *Engine) baseFromRegistry(ctx context.Context) error {
	there, err := e.has(ctx, upstream)
	if err != nil {
		return err
	}
	if !there {
		e.say("pulling %s", upstream)
		if err := e.pull(ctx, upstream, registryWithin); err != nil {
			return err
		}
		defer e.client.ImageRemove(context.WithoutCancel(ctx), upstream, client.ImageRemoveOptions{})
	}
	return e.build(ctx, baseRef, []byte("FROM "+upstream+"\n"), nil)
}

// baseFromPackages makes the base with mmdebstrap, which is installed if need
// be. The error tells also why the registry did not serve.
func (e *Engine) baseFromPackages(ctx context.Context, pulled error) error {
	fail := func(err error, output, remedy string) error {
		b := buildError(baseRef, fmt.Errorf("%w; and before that, from the registry: %w", err, pulled), output).(*BuildError)
		if remedy != "" {
			b.Remedy = remedy
		}
		return b
	}
	tool, err := exec.LookPath("mmdebstrap")
	if err != nil && installable() {
		e.say("installing mmdebstrap, as no registry answers")
		if err := aptInstall(ctx, "mmdebstrap"); err != nil {
			return fail(err, "", "")
		}
		tool, err = exec.LookPath("mmdebstrap")
	}
	if err != nil {
		remedy := "give the engine access to a registry, or load the image " + upstream + " into it with `docker load`"
		if aptGet() != "" {
			remedy = "run `sudo apt-get install mmdebstrap` and try again"
		}
		return fail(err, "", remedy)
	}
	e.say("making the base image from Debian packages (10 to 20 s, once)")
	list, err := sourcesList()
	if err != nil {
		return fail(err, "", "")
	}

	output, err := e.bootstrap(ctx, tool, list)
	if err != nil {
		return fail(err, output, "")
	}
	return nil
}
