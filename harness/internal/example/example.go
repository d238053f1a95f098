// Package example has the examples of the documentation run that take a lab.
package example

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/docker"
)

// Main runs the tests of a package. Where there is no container engine it leaves out those that match the pattern, and says so.
func Main(m *testing.M, labs string) {
	flag.Parse()
	e, err := docker.Find(context.Background(), docker.Options{})
	if none := (*docker.NoEngineError)(nil); errors.As(err, &none) {
		fmt.Fprintf(os.Stderr, "left out, for want of a container engine: %s (%v)\n", labs, err)
		without(labs)
	}
	if err == nil {
		e.Close()
	}
	os.Exit(m.Run())
}

// without adds to what -skip leaves out.
func without(pattern string) {
	if given := flag.Lookup("test.skip").Value.String(); given != "" {
		pattern = given + "|" + pattern
	}
	if err := flag.Set("test.skip", pattern); err != nil {
		panic(err) // the flag is there, and takes any text
	}
}
