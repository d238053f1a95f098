package wire

import (
	"errors"
	"strings"
)

// Why the agent has ended what ran in a world. The errors of its calls carry these words, and WorldAnswer.Killed too.
const (
	Multiplied  = "the config's processes multiplied without end"
	OutOfMemory = "the config's processes used up the lab's memory"
)

// ErrMultiplied and ErrOutOfMemory are what [Overrun] makes of the words.
var (
	ErrMultiplied  = errors.New(Multiplied)
	ErrOutOfMemory = errors.New(OutOfMemory)
)

// Overrun tells whether a call failed because a world used up what it may: it is ErrMultiplied, ErrOutOfMemory or nil.
func Overrun(err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), Multiplied):
		return ErrMultiplied
	case strings.Contains(err.Error(), OutOfMemory):
		return ErrOutOfMemory
	}
	return nil
}
