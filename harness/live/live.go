// Package live reads what a server says of itself, without changing anything: the config of its nginx, who listens where the config calls,
// sockets and their rights, names, services, disks, memory, and the logs of the last while. What it finds are lines as those of a log, for
// package diagnose to name the cause. What can't be read is said, and fails nothing.
package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
)

// Bounds of looking.
const (
	patience  = 10 * time.Second // of one look: a disk or a name server may hang
	tailMost  = 8 << 20          // bytes of a log, its end
	logsMost  = 40               // logs
	printMost = 16 << 20         // bytes of what a program prints
)

// A Machine is what is looked at. [This] is the one that the program runs on.
type Machine struct {
	// Files are all files, from the root folder on.
	Files fs.FS
	// Run runs a program, without a shell and in the C locale. The error says why it could not run to its end; an exit code is none.
	Run func(ctx context.Context, program string, args ...string) (Output, error)
	// Addresses are the machine's own.
	Addresses []netip.Addr
	// UID is of the user that looks.
	UID int
	// Now is the machine's time, in its zone.
	Now time.Time
}

// An Output is what a program printed, 16 MiB at the most, and its exit code.
type Output struct {
	Stdout, Stderr string
	Code           int
}

// errNoProgram says that a machine has no such program.
var errNoProgram = errors.New("there is no such program")

// Findings are what came of looking.
type Findings struct {
	// State is how things stand that are not as they should be.
	State []*diagnose.Line
	// Logs are the ends of logs.
	Logs []Log
	// Looked says what was looked at, Unread what could not be, and why.
	Looked, Unread []string

	now time.Time
}

// A Log is the end of a log.
type Log struct {
	Name string
	Text []byte
	// Whole is true where it is all of the log, so that its lines can be counted.
	Whole bool
}

func (f *Findings) looked(format string, args ...any) {
	f.Looked = append(f.Looked, fmt.Sprintf(format, args...))
}

func (f *Findings) unread(what string, why error) {
	f.Unread = append(f.Unread, what+": "+reason(why))
}

// state adds how a thing stands, as a program or file (from) shows it. It is recognised by its words, by package knowledge.
func (f *Findings) state(from, format string, args ...any) *diagnose.Line {
	l := diagnose.ReadLine(fmt.Sprintf(format, args...))
	l.File, l.State = from, true
	f.State = append(f.State, l)
	return l
}

func (f *Findings) log(name, text string, whole bool) {
	if text != "" {
		f.Logs = append(f.Logs, Log{name, []byte(text), whole})
	}
}

// reason is why something can't be read, without the name, which stands before it.
func reason(err error) string {
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "permission denied: root may read it"
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case errors.As(err, &p):
		return p.Err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", patience)
	}
	return diagnose.Echo(err.Error())
}

// A look looks at one thing.
type look struct {
	name string
	at   func(ctx context.Context, f *Findings)
}

// atOnce looks at all of them together. One that hangs in the kernel is left behind, and said.
func (f *Findings) atOnce(ctx context.Context, looks ...look) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	late, end := context.WithTimeout(context.WithoutCancel(ctx), patience+time.Second)
	defer end()
	found := make([]chan *Findings, len(looks))
	for i, l := range looks {
		found[i] = make(chan *Findings, 1)
		go func() {
			one := &Findings{}
			l.at(ctx, one)
			found[i] <- one
		}()
	}
	for i, l := range looks {
		select {
		case one := <-found[i]:
			f.add(one)
		case <-late.Done():
			select {
			case one := <-found[i]:
				f.add(one)
			default:
				f.unread(l.name, context.DeadlineExceeded)
			}
		}
	}
}

func (f *Findings) add(o *Findings) {
	f.State, f.Logs = append(f.State, o.State...), append(f.Logs, o.Logs...)
	f.Looked, f.Unread = append(f.Looked, o.Looked...), append(f.Unread, o.Unread...)
}

// Look looks at a machine; events that are older than since are left out. It takes half a minute at the most.
func Look(ctx context.Context, m Machine, since time.Time) *Findings {
	f := &Findings{now: m.Now}
	gateways, open := make(chan *gateway, 1), make(chan *listeners, 1)
	f.atOnce(ctx,
		look{"nginx", func(ctx context.Context, f *Findings) { gateways <- m.gateway(ctx, f) }},
		look{"ss", func(ctx context.Context, f *Findings) { open <- m.listeners(ctx, f) }},
	)
	g, l := taken(gateways), taken(open)
	f.atOnce(ctx,
		look{"the upstreams", func(ctx context.Context, f *Findings) { m.upstreams(ctx, f, g, l) }},
		look{"df", func(ctx context.Context, f *Findings) { m.disks(ctx, f, g) }},
		look{"/proc", func(_ context.Context, f *Findings) { m.limits(f, g) }},
		look{"systemctl", m.units},
		look{"the kernel's log and the journal", func(ctx context.Context, f *Findings) { m.journal(ctx, f, since) }},
		look{"the logs", func(_ context.Context, f *Findings) { m.logs(f, g) }},
	)
	return f
}

// taken is what a look left behind; an empty one where it did not come to its end.
func taken[T any](c chan *T) *T {
	select {
	case v := <-c:
		return v
	default:
		return new(T)
	}
}

// Report puts the findings into a report.
func (f *Findings) Report(r *diagnose.Report) {
	for _, l := range f.State {
		r.Add(l)
	}
	for _, log := range f.Logs {
		err := diagnose.Scan(bytes.NewReader(log.Text), log.Name, func(l *diagnose.Line) bool {
			l.InZone(f.now)
			if !log.Whole {
				l.Number = 0
			}
			r.Add(l)
			return true
		})
		if err != nil {
			f.unread(log.Name, err)
		}
	}
}
