package docker

import (
	"context"
	"fmt"
)

// A Start is what an image says of how it is started.
type Start struct {
	User string   // USER; empty for root
	Dir  string   // WORKDIR
	Env  []string // ENV, as K=V
	Argv []string // ENTRYPOINT and CMD, as one command
}

// StartOf asks the engine how an image that it has is started.
func (e *Engine) StartOf(ctx context.Context, ref string) (Start, error) {
	image, err := e.client.ImageInspect(ctx, ref)
	if err != nil {
		return Start{}, fmt.Errorf("asking the engine how %s is started: %w", ref, err)
	}
	if image.Config == nil {
		return Start{}, nil
	}
	c := image.Config
	return Start{
		User: c.User, Dir: c.WorkingDir, Env: c.Env,
		Argv: append(append([]string{}, c.Entrypoint...), c.Cmd...),
	}, nil
}
