package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// thing is something on the engine that carries our label.
type thing struct {
	kind   string // container, volume or image
	id     string
	label  string // the label's value
	made   time.Time
	runs   bool // it is a container that runs
	remove func(context.Context) error
}

// things lists the containers, the volumes and the images half made that carry
// our label, in the order in which they can be removed.
func (e *Engine) things(ctx context.Context) (all []thing, err error) {
	ours := client.Filters{}.Add("label", e.label)
	containers, err := e.client.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	for _, c := range containers.Items {
		all = append(all, thing{
			kind: "container", id: c.ID, label: c.Labels[e.label], made: time.Unix(c.Created, 0),
			runs: !still(c.State),
			remove: func(ctx context.Context) error {
				_, err := e.client.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
				return err
			},
		})
	}
	volumes, err := e.client.VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	for _, v := range volumes.Items {
		made, _ := time.Parse(time.RFC3339, v.CreatedAt)
		all = append(all, thing{
			kind: "volume", id: v.Name, label: v.Labels[e.label], made: made,
			remove: func(ctx context.Context) error {
				_, err := e.client.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{})
				return err
			},
		})
	}
	// A whole image has a name. What a step of a build made, and no other step
	// went on with, has none.
	images, err := e.client.ImageList(ctx, client.ImageListOptions{
		Filters: client.Filters{}.Add("label", e.label).Add("dangling", "true"),
	})
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	for _, i := range images.Items {
		all = append(all, thing{
			kind: "image", id: i.ID, label: i.Labels[e.label], made: time.Unix(i.Created, 0),
			remove: func(ctx context.Context) error {
				_, err := e.client.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{PruneChildren: true})
				return err
			},
		})
	}
	return all, nil
}

// still reports whether a container in a state neither runs nor is about to. It
// is not for the engine to pick those: of a state that it has no word for,
// Podman makes an error.
func still(s container.ContainerState) bool {
	switch s {
	case container.StateCreated, container.StateExited, container.StateDead,
		"configured", "stopped", "initialized": // Podman's
		return true
	}
	return false
}

// remove removes the things that are chosen, and returns them. One that is in
// use still, as a volume may be until its container is gone, is an error.
func (e *Engine) remove(ctx context.Context, choose func(thing) bool) (chosen []thing, err error) {
	all, err := e.things(ctx)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, t := range all {
		if !choose(t) {
			continue
		}
		chosen = append(chosen, t)
		if err := t.remove(ctx); err != nil && !gone(err) {
			failed = append(failed, fmt.Errorf("removing the %s %.12s: %w", t.kind, t.id, err))
		}
	}
	return chosen, errors.Join(failed...)
}
