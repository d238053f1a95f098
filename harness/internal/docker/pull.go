package docker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Pull makes sure that the engine has an image that the user named. One that
// is there is taken as it is; else it is pulled, with the credentials that
// `docker login` has left. The error is a *NoImageError.
func (e *Engine) Pull(ctx context.Context, ref string) error {
	if _, err := reference.ParseNormalizedNamed(ref); err != nil {
		return &NoImageError{Image: strconv.Quote(ref), Err: err, Remedy: pullRemedy(ref, err)}
	}
	there, err := e.has(ctx, ref)
	if err != nil || there {
		return err
	}
	e.log.Info("pulling " + ref)
	if err := e.pull(ctx, ref, registryWithin); err != nil {
		return &NoImageError{Image: ref, Err: err, Remedy: pullRemedy(ref, err)}
	}
	return nil
}

// pull pulls an image. It gives up where nothing comes within the given time;
// once something does, a pull may take as long as it takes.
func (e *Engine) pull(ctx context.Context, ref string, within time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(within, func() { cancel(fmt.Errorf("no answer within %s", within)) })
	defer late.Stop()
	result, err := e.client.ImagePull(ctx, ref, client.ImagePullOptions{RegistryAuth: credentials(ref)})
	if err == nil {
		late.Stop()
		defer result.Close()
		err = follow(result, io.Discard)
	}
	if err != nil && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	return err
}

// credentials returns what the engine needs to log in to an image's registry,
// "" where the user has not logged in there.
//
// Testcontainers would ask an engine what the default registry is, the one that
// it finds by itself, and write to its default logger which that is. With a
// context that has ended it does not, and takes the public one.
func credentials(ref string) string {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, auth, err := testcontainers.DockerImageAuth(ended, ref)
	if err != nil {
		return ""
	}
	text, err := json.Marshal(auth)
	if err != nil {
		return ""
	}
	return base64.URLEncoding.EncodeToString(text)
}

// pullRemedy says what helps against a pull's error.
func pullRemedy(ref string, err error) string {
	text := err.Error()
	has := func(any ...string) bool {
		for _, s := range any {
			if strings.Contains(text, s) {
				return true
			}
		}
		return false
	}
	switch {
	case has("no space left on device"):
		return "the engine's disk is full: free some space, for instance with `docker system prune`"
	case has("invalid reference format"):
		return "write it as name:tag"
	case has("not found", "manifest unknown", "does not exist"):
		return "look at the spelling of its name and tag, or `docker login` if it is a private one"
	case has("unauthorized", "denied", "authentication required"):
		return "`docker login` to its registry"
	case has("toomanyrequests"):
		return "`docker login`, or try again later"
	case errors.Is(err, context.Canceled):
		return "it was interrupted: run again"
	}
	return fmt.Sprintf("the registry can't be reached from the engine: look at the network, or bring the image with `docker save %s` there and `docker load` here", ref)
}
