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
}

// Image returns the reference of one of the project's own images: "gateway",
// "php" and whatever else images.Names lists, or "nginx:1.26", for which see
// Nginx. It is built if it is not on the
// engine; if it is, the call costs one question to the engine.
//
// The reference names the image's recipe, so that it is the same on every
// machine, and changes when the recipe does. The error is a *BuildError.
func (e *Engine) Image(ctx context.Context, name string) (string, error) {
	if kind, version, _ := strings.Cut(name, ":"); kind == "nginx" {
		return e.Nginx(ctx, version)
	}
	r, err := images.Of(name)
	if err != nil {
		return "", err
	}
	return e.image(ctx, recipe{repository: r.Repository, suite: ownSuite, dockerfile: r.Text, args: r.Args}, r.Takes)
}

// sideBySide is how many images are made at once: one downloads while the other unpacks.
const sideBySide = 2

// Images makes what the engine lacks of the images with these names, as [Engine.Image] does, side by side.
func (e *Engine) Images(ctx context.Context, names ...string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for _, name := range names {
		g.Go(func() error {
			_, err := e.Image(ctx, name)
			return err
		})
	}
	return g.Wait()
}

// image returns the reference of the image that a recipe makes, and builds it
// if it is not there, which takes about as long as takes says.
func (e *Engine) image(ctx context.Context, r recipe, takes string) (string, error) {
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
		base, err := e.base(ctx, r.suite)
		if err != nil {
			return err
		}
		e.log.Info(fmt.Sprintf("building the image %s (%s, once)", ref, takes))
		args := map[string]string{"BASE": base}
		maps.Copy(args, r.args)
		return e.build(ctx, ref, r.dockerfile, args)
	})
	return ref, err
}

// ref returns the reference of the image that a recipe makes: its tag is a
// hash of all that goes into the image. The base counts by its recipe, not by
// its id, which would differ from machine to machine.
func (r recipe) ref(arch string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", baseRef(r.suite), arch, r.dockerfile)
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
	return e.image(ctx, recipe{repository: name, suite: ownSuite, dockerfile: dockerfile, args: args}, "some seconds")
}

// lockOf is the name of a lock for something that is made once on each engine.
func (e *Engine) lockOf(what string) string {
	sum := sha256.Sum256([]byte(e.Host()))
	return what + "-" + hex.EncodeToString(sum[:])[:8]
}
