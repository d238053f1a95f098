package fault

import (
	"context"
	"errors"

	"github.com/badgateway/badgateway/harness/lab"
)

// Config gives the gateway another main config and restarts it.
type Config struct{ Conf string }

// Inject puts the config in place. A config with which the gateway does not start stays there, and gives a
// [*lab.ConfigError].
func (f Config) Inject(ctx context.Context, t Target) (Undo, error) {
	former, err := t.Config(ctx)
	if err != nil {
		return nil, err
	}
	undo := once(func(ctx context.Context) error { return t.SetConfig(ctx, former) })
	err = t.SetConfig(ctx, f.Conf)
	if refused := (*lab.ConfigError)(nil); err == nil || errors.As(err, &refused) {
		return undo, err
	}
	return nil, rolledBack(ctx, undo, err)
}

func (f Config) String() string { return "the gateway gets another config" }

// Restart is a step: the gateway is restarted with the config that it has. A remedy of a fault that keeps it from starting
// needs it too.
type Restart struct{}

// Inject restarts it. A gateway that does not start gives a [*lab.ConfigError]. There is nothing to undo.
func (f Restart) Inject(ctx context.Context, t Target) (Undo, error) {
	return nil, t.RestartGateway(ctx)
}

func (f Restart) String() string { return "the gateway is restarted" }
