package engine

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const (
	// leftAfter is the age from which a container that does not run, and whose
	// owner is gone, is a leftover: a younger one may just be starting.
	leftAfter = time.Minute
	// leftUnseen is the same where the owner can't be looked at: it runs on
	// another machine, or the container is a build step's and names none.
	leftUnseen = time.Hour
)

// owner is a process that makes things on the engine, as Label names it.
type owner struct {
	host string
	pid  int
}

func (o owner) String() string { return o.host + "/" + strconv.Itoa(o.pid) }

// parseOwner reads a label's value; one of another form names no owner.
func parseOwner(s string) (owner, bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return owner{}, false
	}
	pid, err := strconv.Atoi(s[i+1:])
	return owner{host: s[:i], pid: pid}, err == nil && pid > 0
}

// hostname names this machine; several may share a remote engine.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

// Sweep removes what a killed process may have left: containers of ours that
// are created, exited or dead, older than a minute, and whose owner is gone.
// Labs end by themselves with their owner, so it mostly finds nothing.
func (e *Engine) Sweep(ctx context.Context) error { return e.sweep(ctx, time.Now()) }

// sweep is Sweep at a given time.
func (e *Engine) sweep(ctx context.Context, now time.Time) error {
	list, err := e.client.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", e.label),
	})
	if err != nil {
		return fmt.Errorf("looking for leftover containers: %w", err)
	}
	for _, c := range list.Items {
		if !still(c.State) || !leftover(c, e.label, now) {
			continue
		}
		_, err := e.client.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !gone(err) {
			return fmt.Errorf("removing the leftover container %.12s: %w", c.ID, err)
		}
	}
	return nil
}

// still tells whether a container in a state neither runs nor is about to. It
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

// leftover tells whether a container of ours that does not run may go.
func leftover(c container.Summary, label string, now time.Time) bool {
	age := now.Sub(time.Unix(c.Created, 0))
	o, ok := parseOwner(c.Labels[label])
	if !ok || o.host != hostname() {
		return age > leftUnseen
	}
	return age > leftAfter && !alive(o.pid)
}

// gone tells whether an error says that the thing to remove is no longer
// there, or is being removed by someone else.
func gone(err error) bool {
	return errdefs.IsNotFound(err) || errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress")
}
