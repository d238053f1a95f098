package main

import (
	"context"
	"log/slog"
)

// sayer tells what a lab logs as the command tells its own steps: the message alone, in a line.
type sayer func(format string, a ...any)

// loggerTo is a logger of which each message is said.
func loggerTo(say func(format string, a ...any)) *slog.Logger { return slog.New(sayer(say)) }

func (sayer) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (say sayer) Handle(_ context.Context, r slog.Record) error {
	say("%s", r.Message)
	return nil
}

func (say sayer) WithAttrs([]slog.Attr) slog.Handler { return say }

func (say sayer) WithGroup(string) slog.Handler { return say }
