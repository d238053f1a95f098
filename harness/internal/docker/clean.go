package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"
)

// Clean removes all that the project ever made on this engine and machine:
// containers, running ones too, volumes, networks, images and the cache
// folder. It returns what it removed, one short text each, also where some of
// it failed. Images that a user built on ours under names of his own stay.
func (e *Engine) Clean(ctx context.Context) (removed []string, err error) {
	removed, err = e.cleanEngine(ctx)
	dir, e2 := cacheDir()
	if e2 == nil {
		if e2 = os.RemoveAll(dir); e2 == nil {
			removed = append(removed, "folder "+dir)
		}
	}
	return removed, errors.Join(err, e2)
}

// cleanEngine removes what carries the Engine's label: containers before what
// they hold on to.
func (e *Engine) cleanEngine(ctx context.Context) (removed []string, err error) {
	ours := client.Filters{}.Add("label", e.label)
	var failed []error
	note := func(kind, name string, err error) {
		switch {
		case err == nil:
			removed = append(removed, kind+" "+name)
		case !gone(err):
			failed = append(failed, fmt.Errorf("removing the %s %s: %w", kind, name, err))
		}
	}

	containers, err := e.client.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return removed, fmt.Errorf("listing containers: %w", err)
	}
	for _, c := range containers.Items {
		_, err := e.client.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		note("container", c.ID[:12], err)
	}
	volumes, err := e.client.VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	if err != nil {
		return removed, fmt.Errorf("listing volumes: %w", err)
	}
	for _, v := range volumes.Items {
		_, err := e.client.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
		note("volume", v.Name, err)
	}
	networks, err := e.client.NetworkList(ctx, client.NetworkListOptions{Filters: ours})
	if err != nil {
		return removed, fmt.Errorf("listing networks: %w", err)
	}
	for _, n := range networks.Items {
		_, err := e.client.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		note("network", n.Name, err)
	}
	images, err := e.client.ImageList(ctx, client.ImageListOptions{Filters: ours})
	if err != nil {
		return removed, fmt.Errorf("listing images: %w", err)
	}
	// By name, and those built on others first, so that nothing is removed
	// by force from under a stranger's image.
	for _, last := range []bool{false, true} {
		for _, i := range images.Items {
			if foreign(i) || isBase(i) != last {
				continue
			}
			for _, name := range namesOf(i) {
				_, err := e.client.ImageRemove(ctx, name, client.ImageRemoveOptions{PruneChildren: true})
				note("image", name, err)
			}
		}
	}
	return removed, errors.Join(failed...)
}

// namesOf returns an image's names, its id where it has none.
func namesOf(i image.Summary) []string {
	var names []string
	for _, n := range i.RepoTags {
		if n != "<none>:<none>" {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return []string{i.ID}
	}
	return names
}

// foreign reports whether an image has its label only by being built on ours:
// somebody gave it a name that is not ours.
func foreign(i image.Summary) bool {
	for _, n := range namesOf(i) {
		if n != i.ID && !isOurs(n) {
			return true
		}
	}
	return false
}

func isBase(i image.Summary) bool {
	for _, n := range i.RepoTags {
		if strings.HasPrefix(strings.TrimPrefix(n, "localhost/"), baseName) {
			return true
		}
	}
	return false
}
