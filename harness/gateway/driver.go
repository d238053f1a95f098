package gateway

import "github.com/badgateway/badgateway/harness/internal/agentapi"

// What a lab has to know of a program's files and signals.
type (
	// A File is written before the program starts.
	File = agentapi.File
	// A Folder is one that the program writes in, or has its config in.
	Folder = agentapi.Folder
	// A ClockSpec is a run of the program that prints what time it takes it to be.
	ClockSpec = agentapi.ClockSpec
	// A WakeSignal makes the program look at the clock after it was moved.
	WakeSignal = agentapi.WakeSignal
)

// A Driver is all that a lab has to know of one gateway's program: how it is found, started and woken, where it logs, and
// what the lines of its log say. Its values are those of the program as it comes; Fit makes them those of an image.
type Driver struct {
	Name  string // "nginx"
	Image string // one of a registry that has it: "nginx:1.29"
	// Own is the project's image that has it ("haproxy"); empty for the one that a lab starts with. A lab of the project's own gets a
	// container of that image when a sandbox first takes this gateway.
	Own string

	// Programs are the names and paths at which images have it, in the order in which they are tried; names are looked for in
	// the image's PATH. Run with Probe it prints what it is.
	Programs []string
	Probe    []string
	// Fit is the driver for an image that has the program at that place, where it printed that when it was run with Probe.
	Fit func(d Driver, program, printed string) (Driver, Build, error)

	Argv    []string
	Conf    string // its main config file
	Folders []Folder
	Files   []File // what it needs beside its config

	ErrorLog  string // empty where it logs to its output alone
	AccessLog string // where it writes a line a request that begins with the client's address, unless its config says otherwise; empty for nowhere
	// ErrorLogs are the files of which a config says that errors go there.
	ErrorLogs func(conf string) []string
	// Syslog is where a config sends what it logs by syslog: the addresses at which the lab plays the daemon, "unix:/dev/log" or
	// "127.0.0.1:514", whose lines come into the log; and those of other machines, which the lab does not hear. nil where a program's
	// syslog is not listened for.
	Syslog func(conf string) (heard, lost []string)
	// Lines are what a log says.
	Lines func(log string) []LogRecord
	// Logged reports whether these lines are all of a request's, where they are written some time after the client was served (by another
	// program, or from a buffer): they are waited for. Without it the gateway has written all that it has to say by then.
	Logged func(lines []LogRecord) bool
	// Woken reports whether a line is there only because the lab woke the program, or killed it to start it again.
	Woken func(line string) bool
	// NotConnected is the address to which a line says that no connection came about; empty where it says no such thing. Calls
	// are held against it, so a line must mean just one of them; nil where no line is known to.
	NotConnected func(l LogRecord) (addr string)
	// Refusal are the words for which it did not start, the one that stopped it first, of all that it printed then.
	Refusal func(printed string) []LogRecord

	Clock ClockSpec // a run that prints the time, for a look whether it takes a moved clock; empty for one that never does
	// Pace is for a program that can't be sent forward while it waits, as it sleeps for the whole of a limit at once: its clock goes
	// so many times as fast as the machine's. 0 for one whose clock is moved.
	Pace float64
	Wake WakeSignal
}

// At is the driver with its program, and the run that prints the time, where an image has it.
func (d Driver) At(program string) Driver {
	d.Argv = append([]string{program}, d.Argv[1:]...)
	if len(d.Clock.Argv) > 0 {
		d.Clock.Argv = append([]string{program}, d.Clock.Argv[1:]...)
	}
	return d
}
