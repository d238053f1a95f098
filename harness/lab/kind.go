package lab

import (
	"errors"
	"fmt"
)

// A sandbox with a [CatchAll] and one without have calls of the agent in common, and each has some of its own. These are refused
// in the other, with what that has in their place, if anything.
var (
	notWithCatchAll = map[string]refusal{
		"Ask":       {"Do", "Probe"},
		"StartAsk":  {"Do and StartBackground", "Probe"},
		"Change":    {"WriteFile, Chmod and SetHosts, and the faults that do so", "Put"},
		"Disk":      {"LimitDisk", ""},
		"Start":     {"StartGateway and StartUpstream", "StartCommand"},
		"StartFake": {"StartUpstream", "SetBehaviour"},
		"Records":   {"Records", "DrainEvents"},
	}
	onlyWithCatchAll = map[string]refusal{
		"Probe":        {"Probe", "Do"},
		"Put":          {"Put", "WriteFile"},
		"Exec":         {"Exec", ""},
		"Look":         {"There", "ReadFile"},
		"Names":        {"Names", ""},
		"Written":      {"Written", ""},
		"ReadTree":     {"ReadTree", "ReadFile"},
		"Wipe":         {"Wipe", ""},
		"StartCommand": {"StartCommand", "StartGateway"},
		"SetBehaviour": {"SetBehaviour", "StartUpstream, which the fault of that name calls"},
		"DrainEvents":  {"DrainEvents", "Records"},
	}
)

// refusal is what a kind of sandbox does not do, and what it has in its place.
type refusal struct{ what, instead string }

// refuses says why the sandbox does not make a call of the agent; nil when it does.
func (c *Sandbox) refuses(call string) error {
	kind, table := "a sandbox with a CatchAll", notWithCatchAll
	if c.setup.CatchAll == nil {
		kind, table = "a sandbox without a CatchAll", onlyWithCatchAll
	}
	r, refused := table[call]
	switch {
	case !refused:
		return nil
	case r.instead == "":
		return fmt.Errorf("%w: %s: not in %s", errors.ErrUnsupported, r.what, kind)
	}
	return fmt.Errorf("%w: %s: not in %s, which has %s", errors.ErrUnsupported, r.what, kind, r.instead)
}
