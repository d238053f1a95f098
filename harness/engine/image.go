package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/badgateway/badgateway/harness/images"
)

// suite is the Debian release all images are made of: the one whose nginx,
// PHP-FPM and libfaketime the project is tested with.
const suite = "bookworm"

// Image returns the reference of one of the project's own images: "gateway",
// "php" and whatever else images.Names lists. It is built if it is not on the
// engine; if it is, the call costs one question to the engine.
//
// The reference names the image's recipe, so that it is the same on every
// machine, and changes when the recipe does. The error is a *BuildError.
func (e *Engine) Image(ctx context.Context, name string) (string, error) {
	repository, text, err := images.Dockerfile(name)
	if err != nil {
		return "", err
	}
	ref := imageRef(repository, text, e.arch)
	there, err := e.has(ctx, ref)
	if err != nil || there {
		return ref, err
	}
	err = locked(ctx, "image-"+repository, e.say, func() error {
		// Another process may have built it while this one waited.
		if there, err := e.has(ctx, ref); err != nil || there {
			return err
		}
		base, err := e.base(ctx)
		if err != nil {
			return err
		}
		e.say("building the image %s (10 to 20 s, once)", ref)
		return e.build(ctx, ref, text, map[string]string{"BASE": base})
	})
	return ref, err
}

// imageRef returns the reference of the image that a Dockerfile makes: its tag
// is a hash of all that goes into the image. The base counts by its recipe,
// not by its id, which would differ from machine to machine.
func imageRef(repository string, dockerfile []byte, arch string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", baseRef, arch, dockerfile)
	return "badgateway/" + repository + ":" + hex.EncodeToString(h.Sum(nil))[:12]
}

// has tells whether the engine has an image.
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
