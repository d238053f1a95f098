package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"
)

// tailLines is how much of a build's output an error shows.
const tailLines = 15

// proxies are the variables by which programs are told of a proxy. The builder
// hands them to the steps of a build without keeping them in the image.
var proxies = []string{
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
	"FTP_PROXY", "ftp_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
}

// build makes an image from a Dockerfile that needs no other file, and gives
// it the tag ref. It leaves nothing else behind, whether it succeeds or not.
func (e *Engine) build(ctx context.Context, ref string, dockerfile []byte, args map[string]string) error {
	label, over := e.guardBuild(ctx)
	output, err := e.buildLabelled(ctx, ref, labelled(dockerfile, e.label, label), args)
	if err != nil {
		err = buildError(ref, err, output)
		if e.removeBuild(ctx, label) != nil {
			return err // the watcher, or who comes next, will
		}
	}
	// One that was broken off may go on for a moment.
	if ctx.Err() == nil {
		over()
	}
	return err
}

// labelled gives a Dockerfile's steps a label, by which what they leave is
// known. The image's own takes its place at the end.
func labelled(dockerfile []byte, key, value string) []byte {
	from := regexp.MustCompile(`(?m)^FROM .*$`)
	return from.ReplaceAll(dockerfile, fmt.Appendf(nil, "$0\nLABEL %s=%s", key, value))
}

// removeBuild removes the containers of a build that did not succeed, and the
// images half made.
func (e *Engine) removeBuild(ctx context.Context, label string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := e.remove(ctx, func(t thing) bool { return t.label == label })
	return err
}

// buildLabelled has the engine build, and returns what it said.
func (e *Engine) buildLabelled(ctx context.Context, ref string, dockerfile []byte, args map[string]string) (string, error) {
	given := map[string]*string{}
	for name, value := range args {
		given[name] = &value
	}
	for _, name := range proxies {
		if value := os.Getenv(name); value != "" {
			given[name] = &value
		}
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))}); err != nil {
		return "", err
	}
	if _, err := w.Write(dockerfile); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}

	var output strings.Builder
	result, err := e.client.ImageBuild(ctx, &archive, client.ImageBuildOptions{
		Tags:        []string{ref},
		BuildArgs:   given,
		Labels:      map[string]string{e.label: "image"},
		Remove:      true,
		ForceRemove: true, // else a failed step's container stays
		Version:     build.BuilderV1,
	})
	if err == nil {
		err = follow(result.Body, &output)
		result.Body.Close()
	}
	return output.String(), err
}

// buildError keeps a failed build's output in a file and shows its end.
func buildError(ref string, err error, output string) error {
	failed := &BuildError{
		Image: ref, Err: err,
		Tail:   lastLines(output, tailLines),
		Remedy: buildRemedy(output + err.Error()),
	}
	if dir, e := cacheDir(); e == nil && output != "" {
		log := filepath.Join(dir, strings.NewReplacer("/", "-", ":", "-").Replace(ref)+".log")
		if os.WriteFile(log, []byte(output), 0o644) == nil {
			failed.Log = log
		}
	}
	return failed
}

// follow reads the engine's account of a build, an import or a pull to its
// end: what is said goes to output, and a failure, which comes inside the
// stream, becomes the error.
func follow(r io.Reader, output io.Writer) error {
	for d := json.NewDecoder(r); ; {
		var m jsonstream.Message
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the engine broke off: %w", err)
		case m.Error != nil:
			return m.Error
		}
		if m.Stream != "" {
			fmt.Fprint(output, m.Stream)
		} else if m.Status != "" && m.Progress == nil {
			fmt.Fprintln(output, m.ID, m.Status)
		}
	}
}
