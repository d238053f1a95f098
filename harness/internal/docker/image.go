package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sync/errgroup"

	"github.com/badgateway/badgateway/harness/internal/images"
)

// ownSuite is the Debian release all images are made of that are not asked for
// by version: the one whose nginx, PHP-FPM and libfaketime the project is
// tested with.
const ownSuite = "bookworm"

// namespace is what the names of all our images begin with.
const namespace = "badgateway/"

// isOurs tells by its name whether an image is one of ours.
func isOurs(ref string) bool {
	return strings.HasPrefix(strings.TrimPrefix(ref, "localhost/"), namespace)
}

// recipe is all that goes into an image.
type recipe struct {
	repository string            // the image's short name
	suite      string            // the Debian release of the base
	dockerfile []byte            // begins FROM ${BASE}
	args       map[string]string // of the Dockerfile, besides BASE
	takes      string            // about how long it takes to make it
	long       bool              // whether that is longer than most others take
}

// Image returns the reference of one of the project's own images: "gateway",
// "php" and whatever else images.Names lists, or "nginx:1.26", for which see
// Nginx. It is built if it is not on the
// engine; if it is, the call costs one question to the engine.
//
// The reference names the image's recipe, so that it is the same on every
// machine, and changes when the recipe does. The error is a *BuildError.
func (e *Engine) Image(ctx context.Context, name string) (string, error) {
	r, err := recipeOf(name)
	if err != nil {
		return "", err
	}
	return e.image(ctx, r)
}

// recipeOf is the recipe of one of the project's own images.
func recipeOf(name string) (recipe, error) {
	if kind, version, _ := strings.Cut(name, ":"); kind == "nginx" {
		return nginxRecipe(version)
	}
	r, err := images.Of(name)
	return recipe{repository: r.Repository, suite: ownSuite, dockerfile: r.Text, takes: r.Takes, long: r.Long}, err
}

// sideBySide is how many images are made at once: one downloads while the other unpacks.
const sideBySide = 2

// Images makes what the engine lacks of the images with these names, as [Engine.Image] does, side by side. Those that take
// longest are begun first, so that none is waited for at the end.
func (e *Engine) Images(ctx context.Context, names ...string) error {
	lacking := map[string]recipe{}
	for _, name := range names {
		r, err := recipeOf(name)
		if err != nil {
			return err
		}
		ref := r.ref(e.arch)
		if there, err := e.has(ctx, ref); err != nil {
			return err
		} else if !there {
			lacking[ref] = r
		}
	}
	for _, r := range lacking { // what they stand on is no work for two
		if _, err := e.under(ctx, r); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for _, long := range []bool{true, false} {
		for _, ref := range slices.Sorted(maps.Keys(lacking)) {
			if r := lacking[ref]; r.long == long {
				g.Go(func() error {
					_, err := e.image(ctx, r)
					return err
				})
			}
		}
	}
	return g.Wait()
}

// image returns the reference of the image that a recipe makes, and builds it
// if it is not there.
func (e *Engine) image(ctx context.Context, r recipe) (string, error) {
	ref := r.ref(e.arch)
	there, err := e.has(ctx, ref)
	if err != nil || there {
		return ref, err
	}
	err = locked(ctx, e.lockOf("image-"+r.repository+"-"+r.suite), e.log, func() error {
		// Another process may have built it while this one waited.
		if there, err := e.has(ctx, ref); err != nil || there {
			return err
		}
		base, err := e.under(ctx, r)
		if err != nil {
			return err
		}
		e.log.Info(fmt.Sprintf("building the image %s (%s, once)", ref, r.takes))
		args := map[string]string{"BASE": base}
		maps.Copy(args, r.args)
		return e.build(ctx, ref, r.dockerfile, args)
	})
	return ref, err
}

// under returns the reference of the image that a recipe begins with.
func (e *Engine) under(ctx context.Context, r recipe) (string, error) {
	if r.repository == baseRepository {
		return e.bare(ctx, r.suite)
	}
	base, err := baseRecipe(r.suite)
	if err != nil {
		return "", err
	}
	return e.image(ctx, base)
}

// ref returns the reference of the image that a recipe makes: its tag is a
// hash of all that goes into the image. The base counts by its recipe, not by
// its id, which would differ from machine to machine.
func (r recipe) ref(arch string) string {
	h := sha256.New()
	under := baseRef(r.suite)
	if r.repository != baseRepository {
		if base, err := baseRecipe(r.suite); err == nil { // it is compiled in
			under = base.ref(arch)
		}
	}
	fmt.Fprintf(h, "%s\n%s\n%s\n", under, arch, r.dockerfile)
	for _, name := range slices.Sorted(maps.Keys(r.args)) {
		fmt.Fprintf(h, "%s=%s\n", name, r.args[name])
	}
	return namespace + r.repository + ":" + hex.EncodeToString(h.Sum(nil))[:12]
}

// has reports whether the engine has an image.
func (e *Engine) has(ctx context.Context, ref string) (bool, error) {
	_, err := e.client.ImageInspect(ctx, ref)
	if err == nil {
		return true, nil
	}
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return false, fmt.Errorf("asking the engine for the image %s: %w", ref, err)
}

// ImageFrom returns the reference of the image that a Dockerfile of the caller's makes. It is built, kept and cleaned as the
// project's own are: on the base image, whose name is in the argument BASE, and again when the text or an argument changes.
func (e *Engine) ImageFrom(ctx context.Context, name string, dockerfile []byte, args map[string]string) (string, error) {
	return e.image(ctx, recipe{repository: name, suite: ownSuite, dockerfile: dockerfile, args: args, takes: "some seconds"})
}

// lockOf is the name of a lock for something that is made once on each engine.
func (e *Engine) lockOf(what string) string {
	sum := sha256.Sum256([]byte(e.Host()))
	return what + "-" + hex.EncodeToString(sum[:])[:8]
}
