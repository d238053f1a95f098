package main

import (
	"strings"
	"testing"
)

func TestLogger_AMessageIsALineOfItsOwn(t *testing.T) {
	var out strings.Builder
	log := loggerTo(newProgress(&out, 0).say)
	log.With("a", 1).WithGroup("g").Info("pulling nginx:1.29, 100 %s", "image", "nginx:1.29")
	log.Warn("nothing watches")
	log.Debug("nobody asked for this")
	if want := "pulling nginx:1.29, 100 %s\nnothing watches\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
