package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/scenarios"
)

func labCommand() *cobra.Command {
	var f labFlags
	var listen, twin string
	c := &cobra.Command{
		Use:   "lab ID",
		Short: "Keep one thing broken, to try by hand",
		Long: `Starts the scenario's lab, breaks it, and keeps it so: prints an address to curl, and shows the logs as they come. Enter
mends it, Enter again ends it.`,
		Example: `  badgateway lab fpm-dead
  badgateway lab fpm-dead --twin fake --listen 127.0.0.1:8080`,
		Args:              oneScenario,
		ValidArgsFunction: completeOneID,
		RunE: func(c *cobra.Command, args []string) error {
			some, err := scenarios.Select(args[0])
			if err != nil {
				return err
			}
			if len(some) != 1 {
				return fmt.Errorf("%q is %d scenarios: a lab shows one", args[0], len(some))
			}
			s, err := f.withConfig(some[0])
			if err != nil {
				return err
			}
			t, err := twinOf(s, twin)
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("listening for your curl on %s: %w (--listen 127.0.0.1:0 takes any free port)", listen, err)
			}
			defer l.Close()
			if err := imageName("--gateway-image", f.image); err != nil {
				return err
			}
			o := f.options(newProgress(c.ErrOrStderr(), 0).say)
			return f.asRefusal(keepBroken(c.Context(), c.InOrStdin(), c.OutOrStdout(), o, l, s, t))
		},
	}
	f.add(c)
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "where to listen for your curl")
	c.Flags().StringVar(&twin, "twin", "", "the kind of upstream, real or fake; the first that the scenario has when empty")
	completeTwin(c)
	return c
}

func twinOf(s harness.Scenario, kind string) (harness.Twin, error) {
	for _, t := range s.Twins {
		if kind == "" || string(t.Kind) == kind {
			return t, nil
		}
	}
	return harness.Twin{}, fmt.Errorf("%s has no twin of kind %q; it has %s", s.ID, kind, kinds(s))
}

func keepBroken(ctx context.Context, in io.Reader, out io.Writer, o harness.Options, l net.Listener, s harness.Scenario, t harness.Twin) error {
	lab, err := startLab(ctx, o)
	if err != nil {
		return err
	}
	defer lab.Close()
	stage, err := harness.SetStage(ctx, lab, s, t)
	if err != nil {
		return err
	}
	defer stage.Close()
	go serveTunnels(l, stage.Cell())
	enter := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			enter <- struct{}{}
		}
		// Where there is no keyboard (nohup, a service), a signal ends the lab.
	}()
	if err := stage.Break(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "broken:  %s\n", s.Fault)
	fmt.Fprintf(out, "try it:  %s\n", curl(l.Addr(), s.Ask))
	fmt.Fprintf(out, "expect:  %s\n", outcome(s.Expect))
	for _, line := range s.Expect.Log {
		fmt.Fprintf(out, "         %v\n", line)
	}
	fmt.Fprintf(out, "\nIts logs follow. Enter mends it.\n\n")
	if err := follow(ctx, out, stage.Cell(), lab, enter); err != nil {
		return err
	}
	if err := stage.Mend(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nmended:  %s\nTry again; Enter ends the lab.\n\n", s.Remedy)
	return follow(ctx, out, stage.Cell(), lab, enter)
}

// curl is the command that asks as the scenario's visitor does.
func curl(at net.Addr, r harness.Request) string {
	var b strings.Builder
	b.WriteString("curl -i")
	if r.Method != "" && r.Method != "GET" {
		b.WriteString(" -X " + r.Method)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, " -H '%s: %s'", name, r.Header[name])
	}
	if r.Host != "" {
		fmt.Fprintf(&b, " -H 'Host: %s'", r.Host)
	}
	data := ""
	switch size := len(r.Body) * max(r.BodyTimes, 1); {
	case size > 100:
		data = fmt.Sprintf("head -c %d /dev/zero | ", size)
		b.WriteString(" --data-binary @-")
	case size > 0:
		fmt.Fprintf(&b, " -d '%s'", r.Body)
	}
	address := at.String()
	if a, ok := at.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		address = fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	path := r.Path
	if path == "" {
		path = "/"
	}
	fmt.Fprintf(&b, " http://%s%s", address, path)
	return data + b.String()
}

// follow shows the logs as they come, until Enter.
func follow(ctx context.Context, out io.Writer, c *harness.Cell, lab *harness.Lab, enter <-chan struct{}) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.FollowLogs(ctx, out) }()
	select {
	case <-enter:
		stop()
		<-ended
		return nil
	case err := <-ended:
		return err
	case <-lab.Gone():
		return errors.New("the lab is gone: its container or the container engine has ended")
	}
}

// serveTunnels carries each connection to the cell's gateway.
func serveTunnels(l net.Listener, c *harness.Cell) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			inside, err := c.Tunnel()
			if err != nil {
				fmt.Fprintln(stderr, "badgateway:", err)
				return
			}
			defer inside.Close()
			go func() {
				io.Copy(inside, conn)
				if half, ok := inside.(interface{ CloseWrite() error }); ok {
					half.CloseWrite()
				}
			}()
			io.Copy(conn, inside)
		}()
	}
}
