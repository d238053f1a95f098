package fakeupstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

// The exit codes of Main.
const (
	exitOK     = 0 // it ran until it was interrupted
	exitFailed = 1 // it could not listen
	exitUsage  = 2 // the arguments or the spec file are wrong
)

// Main is the program: it starts the upstreams that the arguments ask for, prints what they
// see and do to stdout, and runs until ctx ends or it gets SIGINT, SIGTERM,
// SIGHUP or SIGPIPE. It returns the exit code: 0, 1 when it could not listen, 2 when the arguments or a spec file are wrong.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, ends...)
	defer stop()
	return run(ctx, args, stdout, stderr)
}

// run is Main until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	usage := func(err error) int {
		fmt.Fprintf(stderr, "badgateway fake: %v\nTry badgateway fake --help.\n", err)
		return exitUsage
	}
	o, err := parseFlags(args, stderr)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprint(stdout, o.help)
		return exitOK
	}
	if err != nil {
		return usage(err)
	}
	if o.list {
		list(stdout)
		return exitOK
	}
	specs, err := o.specs()
	if err != nil {
		return usage(err)
	}
	if o.caFile != "" && slices.ContainsFunc(specs, func(s Spec) bool { return s.tls() != nil }) { // told before anything listens
		if err := writeCA(o.caFile, nil); err != nil {
			return usage(fmt.Errorf("--ca-file: %w", err))
		}
	}
	f, p := &fleet{open: o.open}, newPrinter(stdout)
	defer p.close()
	if !o.quiet {
		f.opts.Observe = p.event
	}
	defer f.close()
	for _, spec := range specs {
		s, err := f.add(spec)
		if errors.Is(err, errTaken) {
			return usage(err)
		}
		if err == nil && o.caFile != "" && s.CA() != nil {
			err = writeCA(o.caFile, s.CA())
		}
		if err != nil {
			fmt.Fprintf(stderr, "badgateway fake: %v\n", err)
			return exitFailed
		}
	}
	if o.control != "" {
		ln, err := net.Listen("tcp", o.control)
		if err != nil {
			fmt.Fprintf(stderr, "badgateway fake: --control: %v\n", err)
			return exitFailed
		}
		defer serveControl(f, ln).Close()
		p.print(fmt.Sprintf("control on http://%s/\n", ln.Addr()))
	}
	<-ctx.Done()
	return exitOK
}

// list prints the behaviours with their fields.
func list(w io.Writer) {
	for _, e := range Behaviours() {
		t, _ := typeOf(e.Name)
		_, fields := fieldsOf(t)
		fmt.Fprintf(w, "%-22s %s\n", e.Name, e.Summary)
		if len(fields) > 0 {
			fmt.Fprintf(w, "%-22s fields: %s\n", "", strings.Join(fields, ", "))
		}
	}
}

// writeCA writes the authority's certificate whole or not at all: its file gets the name last, so that a reader never sees
// half of it, and a link of that name is replaced and not followed.
func writeCA(file string, certificate []byte) error {
	aside := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
	_ = os.Remove(aside) // left there by a program that was killed
	f, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		_, err = f.Write(certificate)
		if err = first(err, f.Close()); err == nil {
			err = os.Rename(aside, file)
		}
	}
	if err != nil {
		_ = os.Remove(aside)
		return fmt.Errorf("%s: %w", file, errors.Unwrap(err)) // without the name of the file aside
	}
	return nil
}
