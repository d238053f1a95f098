package fakeupstream

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
)

// Behaviour is what an upstream does with one request or, if it acts before anything is read, with a connection. The structs
// of this package that implement it are Well, Reset, Silent and so on. A struct of your own that has these methods is one too, once
// [Register] has given it a name: scripts, their JSON and the program then take it as they take the others.
//
// A Behaviour is a value that Serve does not change, as one value serves many connections at once.
type Behaviour interface {
	// String says what is done in a few words, as records and events show it: "reset at header".
	String() string
	// Check reports what is wrong with the fields on that kind of listener; nil is nothing. The error begins with the JSON
	// name of the field, and says what to give: "for: -1s is negative; give 0 (the default) or more".
	Check(on Endpoint) error
	// Serve does it. When it returns nil, the connection is kept for another request; an error ends the connection.
	// What a method of x returns as an error has to be returned as it is, and nothing be done with x after it. An error of
	// your own is the Problem on record.
	//
	// A Serve that reads nothing of a request acts before it: what stands behind it in the Connection serves the request.
	// If nothing does, the connection stays open and silent.
	Serve(x *Exchange) error
}

// Endpoint is the kind of listener that a Behaviour is to work on.
type Endpoint struct {
	Protocol string // as in Spec.Protocol, with HTTP where that is empty
	Network  string // "tcp" or "unix"

	ruled bool // the head of the request is read, and a rule has taken it
}

// listenerBehaviour is a Behaviour of the whole listener: no connection is ever served.
type listenerBehaviour interface {
	Behaviour
	// arrange puts the listener in its bad state and returns the way back.
	arrange(s *Server) (undo func() error, err error)
}

// Point is a moment in the life of a request at which a fault strikes.
type Point string

// The points, in the order in which they come.
const (
	AtAccept    Point = "accept"     // the connection is open and nothing has been read from it
	AtRequest   Point = "request"    // the request has been read in full, nothing was answered
	AtHeader    Point = "header"     // part of the answer's header was sent
	AtHeaderEnd Point = "header-end" // all of the header was sent and nothing of the body
	AtBody      Point = "body"       // part of the body was sent
	AtEnd       Point = "end"        // the answer was sent to its last byte
)

// or gives p, or fallback when p is not set.
func (p Point) or(fallback Point) Point {
	if p == "" {
		return fallback
	}
	return p
}

// at is the check of a point, which is one of those allowed; empty always is.
func (on Endpoint) at(p Point, allowed ...Point) error {
	if on.ruled && p == AtAccept {
		return errors.New("at: accept comes before the head of the request, by which a rule takes it; give request")
	}
	return oneOf("at", p, allowed...)
}

// part is the check of a point of an answer's header, which not all protocols have.
func (p Point) part(on Endpoint) error {
	if on.Protocol == Stream && (p == AtHeader || p == AtHeaderEnd) {
		return fmt.Errorf("at: a stream has no header; give request or body")
	}
	return nil
}

// Ending is how a connection ends after a fault was sent on it.
type Ending string

// The endings.
const (
	EndClose Ending = "close" // FIN; what the client still sends is read and thrown away
	EndReset Ending = "reset" // RST
	EndStall Ending = "stall" // nothing more is sent and the connection stays open
	EndKeep  Ending = "keep"  // the connection is kept for another request
)

func (e Ending) or(fallback Ending) Ending {
	if e == "" {
		return fallback
	}
	return e
}

func (e Ending) check(on Endpoint) error {
	if e == EndReset && on.Network == "unix" && !unixReset {
		return errNoUnixReset
	}
	if e == EndKeep && !keeps(on.Protocol) {
		return fmt.Errorf("end: %s keeps no connections; give close, reset or stall", title(on.Protocol))
	}
	return oneOf("end", e, EndClose, EndReset, EndStall, EndKeep)
}

// then is the ending in words, for String methods.
func (e Ending) then(fallback Ending) string { return ", then " + string(e.or(fallback)) }

// oneOf is the check of a value that must be one of a few names; empty means "the default".
func oneOf[T ~string](field string, value T, allowed ...T) error {
	if value == "" {
		return nil
	}
	for _, a := range allowed {
		if a == value {
			return nil
		}
	}
	return fmt.Errorf("%s: %q is not possible here; %s", field, string(value), suggest(string(value), namesOf(allowed)))
}

// namesOf turns names of any type to strings.
func namesOf[T ~string](all []T) []string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = string(a)
	}
	return names
}

// required is oneOf for a field that has no default.
func required[T ~string](field string, value T, allowed ...T) error {
	if value == "" {
		return fmt.Errorf("%s: missing; %s", field, suggest("", namesOf(allowed)))
	}
	return oneOf(field, value, allowed...)
}

// notNegative is the check of a count, a size or a length of time.
func notNegative[T ~int | ~int64](field string, v T) error {
	if v < 0 {
		return fmt.Errorf("%s: %v is negative; give 0 (the default) or more", field, v)
	}
	return nil
}

// given is the check of a length of time that has no default.
func given(field string, d time.Duration, say string) error {
	switch {
	case d == 0:
		return fmt.Errorf("%s: missing; %s", field, say)
	case d < 0:
		return fmt.Errorf("%s: %v is negative; %s", field, d, say)
	}
	return nil
}

// may reports whether a connection there can speak the protocol.
func (on Endpoint) may(protocol string) bool {
	return on.Protocol == protocol || on.Protocol == Any || on.Protocol == ""
}

// not is the check of a behaviour that makes no sense in some protocols.
func (on Endpoint) not(why string, protocols ...string) error {
	if slices.Contains(protocols, on.Protocol) {
		return fmt.Errorf("makes no sense on protocol %q: %s", on.Protocol, why)
	}
	return nil
}

// only is the check of a behaviour that makes sense in one protocol.
func (on Endpoint) only(protocol string) error {
	if !on.may(protocol) {
		return fmt.Errorf("works on protocol %q only, and this listener speaks %q", protocol, on.Protocol)
	}
	return nil
}

// first gives the first error there is.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// suggest names the nearest of names, and all of them.
func suggest(value string, names []string) string {
	best, near := "", len(value)/2+1
	for _, n := range names {
		if d := levenshtein.ComputeDistance(value, n); d <= near {
			best, near = n, d-1
		}
	}
	all := "valid: " + strings.Join(names, ", ")
	if best == "" {
		return all
	}
	return fmt.Sprintf("did you mean %q? %s", best, all)
}
