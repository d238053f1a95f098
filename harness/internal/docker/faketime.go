package docker

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/badgateway/badgateway/harness/internal/images"
)

// FaketimePath is where the project's own images have libfaketime, built for
// glibc, whatever their architecture.
const FaketimePath = "/usr/lib/badgateway/libfaketime.so.1"

// Faketime returns libfaketime.so.1 for the engine's architecture and glibc,
// to be brought into gateway images that have none. It is taken out of our own
// image once and kept in the cache folder. It loads where glibc is at least as
// new as that image's: 2.34 will do.
func (e *Engine) Faketime(ctx context.Context) ([]byte, error) {
	ref, err := e.Image(ctx, "gateway")
	if err != nil {
		return nil, err
	}
	return e.faketimeOf(ctx, ref)
}

// FaketimeFor returns the libfaketime.so.1 that is to be brought into an image:
// out of one of ours that has it its own, which was built for the glibc that is
// there, for any other what Faketime returns.
func (e *Engine) FaketimeFor(ctx context.Context, ref string) ([]byte, error) {
	if isOurs(ref) {
		if lib, err := e.faketimeOf(ctx, ref); !errdefs.IsNotFound(err) {
			return lib, err
		}
	}
	return e.Faketime(ctx)
}

// FaketimeForMusl returns the libfaketime.so.1 that is to be brought into an
// image whose nginx is built for musl. It is compiled from Debian's source, in
// an image that is built for it when it is first asked for.
func (e *Engine) FaketimeForMusl(ctx context.Context) ([]byte, error) {
	text, err := images.Musl()
	if err != nil {
		return nil, err
	}
	ref, err := e.image(ctx, recipe{repository: "musl", suite: ownSuite, dockerfile: text, takes: "about a minute"})
	if err != nil {
		return nil, err
	}
	return e.faketimeOf(ctx, ref)
}

// faketimeOf returns the libfaketime.so.1 of one of our images.
func (e *Engine) faketimeOf(ctx context.Context, ref string) ([]byte, error) {
	dir, err := cacheDir()
	if err != nil {
		return nil, err
	}
	_, tag, _ := strings.Cut(ref, ":")
	path := filepath.Join(dir, "libfaketime-"+e.arch+"-"+tag+".so.1")
	if lib, err := os.ReadFile(path); err == nil {
		return lib, nil
	}
	lib, err := e.fileFrom(ctx, ref, FaketimePath)
	if err != nil {
		return nil, err
	}
	return lib, writeFile(path, lib, 0o644)
}

// fileFrom reads one regular file out of an image. The engine reads files only
// of containers, so there is one for a moment; it is never started.
func (e *Engine) fileFrom(ctx context.Context, ref, path string) ([]byte, error) {
	id, remove, err := e.idle(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("making a container of %s to read %s: %w", ref, path, err)
	}
	defer remove()
	result, err := e.client.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: path})
	if err != nil {
		return nil, fmt.Errorf("reading %s out of %s: %w", path, ref, err)
	}
	defer result.Content.Close()
	archive := tar.NewReader(result.Content)
	if h, err := archive.Next(); err != nil {
		return nil, fmt.Errorf("reading %s out of %s: %w", path, ref, err)
	} else if h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("reading %s out of %s: it is no regular file", path, ref)
	}
	return io.ReadAll(archive)
}

// idle makes a container that is never started. It does not obey the caller's
// end at once: the engine completes what it has begun in any case.
func (e *Engine) idle(ctx context.Context, ref string) (id string, remove func(), err error) {
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	guard := e.Guard(ctx)
	made, err := e.client.ContainerCreate(patient, client.ContainerCreateOptions{
		Config:     &container.Config{Image: ref, Labels: map[string]string{e.label: self().String()}},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	if err != nil {
		if patient.Err() == nil {
			guard.Gone() // the engine said that it made none
		}
		return "", nil, err
	}
	remove = func() {
		patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, err := e.client.ContainerRemove(patient, made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || gone(err) {
			guard.Gone()
		}
	}
	if err := context.Cause(ctx); err != nil {
		remove()
		return "", nil, err
	}
	return made.ID, remove, nil
}
