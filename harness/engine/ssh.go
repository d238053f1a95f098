package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// viaSSH reaches an engine on another machine as docker's own client does: each
// connection is a program there, `docker system dial-stdio`, which ssh runs. It
// returns a socket of this machine that stands for the engine's, since
// testcontainers speaks to sockets alone. The socket ends with this process; its
// name is removed by stop, or by the next process that makes one.
func viaSSH(host string) (socket string, s *tunnel, err error) {
	command, err := sshCommand(host)
	if err != nil {
		return "", nil, err
	}
	if _, err := exec.LookPath(command[0]); err != nil {
		return "", nil, errors.New("there is no ssh on this machine")
	}
	dir, err := cacheDir()
	if err != nil {
		return "", nil, err
	}
	forgetSockets(dir)
	path := filepath.Join(dir, fmt.Sprintf("ssh-%d-%d.sock", os.Getpid(), time.Now().UnixNano()%1_000_000))
	listener, err := net.Listen("unix", path)
	if err != nil {
		return "", nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	s = &tunnel{listener: listener, command: command}
	go s.serve()
	return "unix://" + path, s, nil
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

// forgetSockets removes the names of sockets whose process has ended.
func forgetSockets(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, "ssh-*.sock"))
	for _, path := range left {
		if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
			conn.Close()
			continue
		}
		os.Remove(path)
	}
}

// tunnel hands the connections to a socket of this machine on to programs.
type tunnel struct {
	listener net.Listener
	command  []string

	mu   sync.Mutex
	said string // the last words of a program that failed
}

// stop ends the socket. Connections that are open go on.
func (s *tunnel) stop() { s.listener.Close() }

// words are what ssh said where it failed, "" for nothing.
func (s *tunnel) words() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

func (s *tunnel) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.pass(conn)
	}
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
		io.Copy(in, conn)
		in.Close() // what dial-stdio takes for the end
	}()
	io.Copy(conn, out)
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
