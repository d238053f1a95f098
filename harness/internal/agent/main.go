//go:build linux

package agent

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Main is the agent as a container's init. It returns when the driving program is gone.
func Main() int {
	orphans := make(chan os.Signal, 16)
	signal.Notify(orphans, unix.SIGCHLD)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM)
	go func() {
		<-stop
		os.Exit(0)
	}()
	// Where this is not the container's first process (a backend shares the lab's process namespace), orphans come
	// here all the same.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "badgateway agent: becoming the parent of orphans:", err)
		return 1
	}
	go reap(orphans)
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "badgateway agent:", err)
		return 1
	}
	canDiagnose = diagnosticsWork()
	debug.SetGCPercent(400) // the agent's memory is small, and its processor time is the scenarios'
	a := &Agent{root: agentapi.Root, sandboxes: map[string]*sandbox{}, hello: agentapi.Hello{PID: os.Getpid(), Kernel: kernelRelease(), Lacks: lacks(), Limits: ownGroups().limits(), DiskFree: diskFree()}}
	if err := a.server().Serve(stdio{}); err != nil {
		fmt.Fprintln(os.Stderr, "badgateway agent:", err)
		return 1
	}
	return 0
}

// firstPort is the lowest port that needs no right to be listened on, as the engine has set it for containers.
var firstPort string

// prepare gives the image what every sandbox counts on.
func prepare() error {
	if err := sealed(); err != nil {
		return err
	}
	unix.Umask(0o022)
	var err error
	if home, err = unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("opening the container's own network: %w", err)
	}
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil {
		firstPort = strings.TrimSpace(string(text))
	}
	if err := os.MkdirAll(agentapi.Root, 0o755); err != nil {
		return err
	}
	ownTCPTables()
	// The file has to be there for a sandbox to cover it with its own.
	if err := os.WriteFile(faketimerc, []byte("+0\n"), 0o644); err != nil {
		return fmt.Errorf("preparing the clock: %w", err)
	}
	return ensureUser("www-data", 33)
}

// ensureUser adds a user that real configs name and a stock image may lack.
func ensureUser(name string, id int) error {
	for file, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("%s:x:%d:%d::/var/www:/usr/sbin/nologin\n", name, id, id),
		"/etc/group":  fmt.Sprintf("%s:x:%d:\n", name, id),
	} {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if strings.HasPrefix(string(text), name+":") || strings.Contains(string(text), "\n"+name+":") {
			continue
		}
		if err := os.WriteFile(file, append(text, line...), 0o644); err != nil {
			return fmt.Errorf("adding the user %s: %w", name, err)
		}
	}
	return nil
}

// stdio is the container's standard input and output as one connection.
type stdio struct{}

func (stdio) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (stdio) Close() error                { return errors.Join(os.Stdin.Close(), os.Stdout.Close()) }
