package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// NoEngineError says that no container engine answers, or none that this user
// may use: then Err is an fs.ErrPermission. Its text is one line
// that ends with the remedy.
type NoEngineError struct {
	Host   string // the address that was tried
	Err    error  // what came of it
	Remedy string // what the reader can do, as a command where there is one
}

func (e *NoEngineError) Error() string {
	if errors.Is(e.Err, fs.ErrPermission) {
		return fmt.Sprintf("a container engine runs at %s, but this user may not use it: %s", e.Host, e.Remedy)
	}
	return fmt.Sprintf("no container engine answers at %s (%s): %s", e.Host, oneLine(e.Err), e.Remedy)
}

func (e *NoEngineError) Unwrap() error { return e.Err }

// NoImageError says that an image is neither on the engine nor to be had.
type NoImageError struct {
	Image  string // the image as it was asked for
	Err    error  // what the engine or the registry said
	Remedy string
}

func (e *NoImageError) Error() string {
	return fmt.Sprintf("image %s is not on the engine, and pulling it failed (%s): %s", e.Image, oneLine(e.Err), e.Remedy)
}

func (e *NoImageError) Unwrap() error { return e.Err }

// NoNginxError says that no image can be made of a version of nginx, as no
// Debian release that is known here packages it. Its text lists those that can.
type NoNginxError struct {
	Version string // the version as it was asked for
}

func (e *NoNginxError) Error() string {
	return fmt.Sprintf("nginx %s can't be had from Debian, which has %s: --image nginx:%[1]s takes any image that a registry serves",
		e.Version, strings.Join(nginxBranches(), ", "))
}

// BuildError says that one of the project's own images could not be made.
type BuildError struct {
	Image  string // the image that was being made
	Err    error  // what the builder said last
	Tail   string // the last lines of the build's output, perhaps none
	Log    string // the file with all of the output, "" if there is none
	Remedy string
}

func (e *BuildError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "making the image %s failed (%s): %s", e.Image, oneLine(e.Err), e.Remedy)
	if e.Tail != "" {
		fmt.Fprintf(&b, "\nthe end of the output:\n%s", e.Tail)
	}
	if e.Log != "" {
		fmt.Fprintf(&b, "\nall of it: %s", e.Log)
	}
	return b.String()
}

func (e *BuildError) Unwrap() error { return e.Err }

// AgentError says that the Linux program for the labs could not be had.
type AgentError struct {
	Err    error // what came in the way
	Remedy string
}

func (e *AgentError) Error() string {
	return fmt.Sprintf("no Linux program to run in the lab (%s): %s", oneLine(e.Err), e.Remedy)
}

func (e *AgentError) Unwrap() error { return e.Err }

var errUnknown = errors.New("no reason given")

// oneLine makes of an error, which may carry a tool's whole output, one line.
func oneLine(err error) string {
	if err == nil {
		err = errUnknown
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// buildRemedy reads out of a failed build's output what the reader can do.
func buildRemedy(output string) string {
	has := func(any ...string) bool {
		for _, s := range any {
			if strings.Contains(output, s) {
				return true
			}
		}
		return false
	}
	switch {
	case has("no space left on device", "You don't have enough free space", "Disk quota exceeded"):
		return "the disk is full: free some space, for instance with `docker system prune`, and run again"
	case has("Temporary failure resolving", "Could not resolve", "Could not connect", "Unable to connect", "Network is unreachable"):
		return "the Debian mirror can't be reached from a container: look at the network, or set HTTP_PROXY, and run again"
	case has("the release has another nginx than"):
		return "that Debian release has moved on to another version of nginx: name another, or give --image one that has it"
	case has("does not have a Release file"):
		return "the Debian mirror lacks that release: name another version of nginx, or give --image one that has it"
	case has("is not valid yet", "is expired"):
		return "the clock or the mirror is out of date: set the clock, or use another mirror, and run again"
	case has("NO_PUBKEY", "is not signed"):
		return "the mirror's signature is not accepted: install debian-archive-keyring and run again"
	case has("qemu user emulation"):
		return "the engine's processor is another than this machine's: install qemu-user-static and run again"
	case has("context canceled", "context deadline exceeded"):
		return "it was interrupted: run again"
	}
	return "the output says why"
}
