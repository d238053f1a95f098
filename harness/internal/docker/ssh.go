package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"sync"

	"github.com/moby/moby/client"
)

// viaSSH reaches an engine on another machine as docker's own client does: each
// connection is a program there, `docker system dial-stdio`, which ssh runs.
func viaSSH(host string) (*tunnel, error) {
	command, err := sshCommand(host)
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath(command[0]); err != nil {
		return nil, errors.New("there is no ssh on this machine")
	}
	return &tunnel{command: command}, nil
}

// sshCommand is what is run for each connection to an ssh:// address.
func sshCommand(host string) ([]string, error) {
	u, err := url.Parse(host)
	switch {
	case err != nil:
		return nil, err
	case u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-"):
		return nil, errors.New("it names no machine")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("an ssh address is ssh://user@machine:port, without a path")
	}
	if _, secret := u.User.Password(); secret {
		return nil, errors.New("ssh takes no password from an address: use a key")
	}
	// ssh must not ask on the terminal in the middle of a run.
	command := []string{"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-T"}
	if name := u.User.Username(); name != "" {
		command = append(command, "-l", name)
	}
	if port := u.Port(); port != "" {
		command = append(command, "-p", port)
	}
	return append(command, "--", u.Hostname(), "docker", "system", "dial-stdio"), nil
}

// tunnel hands connections on to programs.
type tunnel struct {
	command []string

	mu   sync.Mutex
	said string // the last words of a program that failed
}

// options make a client speak through the tunnel. The host is a mere name, of a
// kind for which no proxy is asked.
func (s *tunnel) options() []client.Opt {
	return []client.Opt{client.WithHost("unix://ssh"), client.WithDialContext(s.dial), client.WithAPIVersionFromEnv()}
}

// dial starts a program. The connection outlives ctx, as connections do.
func (s *tunnel) dial(context.Context, string, string) (net.Conn, error) {
	ours, programs := net.Pipe()
	go s.pass(programs)
	return ours, nil
}

// words are what ssh said where it failed, "" for nothing.
func (s *tunnel) words() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

// pass runs the program for one connection. It ends when either side does.
func (s *tunnel) pass(conn net.Conn) {
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return
	}
	detach(cmd) // Ctrl-C is for this program, which has to clean up through it
	if err := cmd.Start(); err != nil {
		s.note(err.Error())
		return
	}
	go func() {
		_, _ = io.Copy(in, conn)
		in.Close() // what dial-stdio takes for the end
	}()
	_, _ = io.Copy(conn, out)
	conn.Close()
	if err := cmd.Wait(); err != nil {
		s.note(lastLines(said.String(), 2))
	}
}

func (s *tunnel) note(words string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = strings.Join(strings.Fields(words), " ")
}
