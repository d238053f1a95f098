package docker

import (
	"context"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

const (
	// leftAfter is the age from which a container that does not run, and whose
	// owner is gone, is a leftover: a younger one may just be starting.
	leftAfter = time.Minute
	// leftUnseen is the same where the owner can't be looked at: it runs on
	// another machine, or in a container of its own.
	leftUnseen = time.Hour
)

// Sweep removes what a killed process may have left, where no watcher did:
// containers of ours that do not run, volumes and images half made, older than
// a minute, and whose owner is gone. It mostly finds nothing.
func (e *Engine) Sweep(ctx context.Context) error {
	if dir, err := cacheDir(); err == nil {
		sweepCache(dir, time.Now())
	}
	return e.sweep(ctx, time.Now())
}

// sweep is Sweep at a given time, on the engine.
func (e *Engine) sweep(ctx context.Context, now time.Time) error {
	_, err := e.remove(ctx, func(t thing) bool { return !t.runs && leftover(t, now) })
	return err
}

// leftover reports whether a thing of ours that is not in use may go. What
// names no owner, such as a container that somebody made of one of our images,
// which inherits the image's label, is not ours to remove.
func leftover(t thing, now time.Time) bool {
	o, ok := parseOwner(t.label)
	if !ok {
		return false
	}
	age := now.Sub(t.made)
	dead, certain := o.dead()
	return dead && age > leftAfter || !certain && age > leftUnseen
}

// gone reports whether an error says that the thing to remove is no longer
// there, or is being removed by someone else.
func gone(err error) bool {
	return errdefs.IsNotFound(err) || errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress")
}
