package agentapi

import (
	"errors"
	"strings"
	"time"
)

// Why the agent has ended what ran in a world. The errors of its calls carry these words, and WorldAnswer.Killed too.
const (
	Multiplied  = "the config's processes multiplied without end"
	OutOfMemory = "the config's processes used up the lab's memory"
)

// NotUp are the words of a start that had no end within UpLimit.
const (
	NotUp   = "the gateway does not come to rest after its start"
	UpLimit = 30 * time.Second
)

// StillStarting reports whether a call failed because the gateway did not come up.
func StillStarting(err error) bool { return err != nil && strings.Contains(err.Error(), NotUp) }

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
