package main

import (
	"context"
	"log/slog"
)

// messageHandler says what a lab logs as the command says its own steps: the message alone, in a line.
type messageHandler func(format string, a ...any)

// loggerTo is a logger of which each message is said.
func loggerTo(say func(format string, a ...any)) *slog.Logger { return slog.New(messageHandler(say)) }

func (messageHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (say messageHandler) Handle(_ context.Context, r slog.Record) error {
	say("%s", r.Message)
	return nil
}

func (say messageHandler) WithAttrs([]slog.Attr) slog.Handler { return say }

func (say messageHandler) WithGroup(string) slog.Handler { return say }
