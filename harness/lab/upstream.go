package lab

import (
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
)

// An Upstream is what the gateway calls: a fake, or a real one.
type Upstream struct {
	Name string // "app"
	Fake *fakeupstream.Spec
	Real *Backend
}

// A Backend is a real server behind the gateway.
type Backend struct {
	// Image names the image of the project's that has its program ("php"). Empty means the one that has all gateways: the
	// lab's own, where that is the project's too, for what another gateway's image has is not known.
	//
	// Where the clock is moved, it decides two things more. Without one the backend is taken for a server that waits for events,
	// as the gateway is: its clock all but stands still between two moves, so that it never gets further than half a second past
	// a limit, and [RequestAt] holds once its processes sleep. With one it is taken for a program that computes, sleeps or counts
	// whole seconds: its clock goes on, and RequestAt holds once it has read the request.
	Image   string
	Argv    []string
	Env     []string
	Files   []File
	Folders []Folder // private folders that it needs beside the gateway's
	// Listen is where it accepts connections ("10.0.0.5:9000" or "unix:/run/php/php8.2-fpm.sock"); empty for a machine that only has programs
	// run on it ([Sandbox.RunBeside]).
	Listen string
	Log    string // its own log file; empty when it has none
	// Wake interrupts its sleep after each move of the clock, and the lab goes on once it sleeps again: it has done by then what
	// was due. Without a signal it sees the new time when it next wakes by itself, which nobody waits for.
	Wake WakeSignal
	// Woken reports whether a line of its log is there only because it was poked; nil for none.
	Woken func(line string) bool
	// Memory is the limit of its container in bytes, which the kernel's OOM killer guards. A backend with a limit gets a
	// container of its own, and so has to have an Image; 0 means that it shares one with others of its image.
	Memory int64
	// CPUs is the share of processors of its container (0.5 of one), which fault.CPUQuota can change. A backend with one
	// gets a container of its own too.
	CPUs float64
	// Filters says that it sets packet filters, or a program does that is run beside it: what needs them is not staged where the engine
	// has none.
	Filters bool
}

// alone reports whether the backend's limits need a container that it shares with no other.
func (b *Backend) alone() bool { return b.Memory > 0 || b.CPUs > 0 }

// Address is where the upstream accepts connections: "10.0.0.5:9000" or "unix:/run/app.sock".
func (u Upstream) Address() string {
	if u.Fake != nil {
		return u.Fake.Listen
	}
	return u.Real.Listen
}

// logs is the file that the upstream logs to; empty for none.
func (u Upstream) logs() string {
	if u.Real == nil {
		return ""
	}
	return u.Real.Log
}

// host is the address of the machine that the upstream stands for; empty for a unix socket.
func host(listen string) string {
	if strings.HasPrefix(listen, "unix:") {
		return ""
	}
	if i := strings.LastIndex(listen, ":"); i >= 0 {
		return strings.Trim(listen[:i], "[]")
	}
	return listen
}
