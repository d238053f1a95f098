package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// refusedConfig says that the gateway does not start with the user's config, in the gateway's own words.
type refusedConfig struct{ file, message string }

func (e refusedConfig) Error() string {
	return fmt.Sprintf("%s (the gateway does not start with %s)", e.message, e.file)
}

// refusal is what the gateway said, where it did not start in a lab in which nothing was broken yet.
func refusal(e scenario.Evidence) (words string, refused bool) {
	const open, refuses = "the lab is not healthy before the fault: ", " does not start with this config: "
	rest, early := strings.CutPrefix(e.Error, open)
	_, words, refused = strings.Cut(rest, refuses)
	return words, early && refused
}

// asRefusal puts the gateway's own words first where an error is its refusal of the user's config.
func (f *labFlags) asRefusal(err error) error {
	var refused *lab.ConfigError
	if f.config == "" || !errors.As(err, &refused) {
		return err
	}
	words := refused.Output
	if len(refused.Lines) > 0 {
		words = refused.Lines[0].Message
	}
	return refusedConfig{f.config, words}
}
