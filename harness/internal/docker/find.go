package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// answerWithin bounds how long an address is given to answer. A local socket
// does in milliseconds; the time is for an engine across a slow network.
const answerWithin = 10 * time.Second

// Find connects to the container engine: the one that DOCKER_HOST, docker's
// current context or testcontainers' properties file names, else the one at
// the usual sockets. Where none answers the error is a *NoEngineError.
func Find(ctx context.Context, o Options) (*Engine, error) {
	tries, err := candidates()
	if err != nil {
		return nil, err
	}
	var first error
	for _, c := range tries {
		e, err := connect(ctx, c, o)
		if err == nil {
			e.way = c.way
			return e, nil
		}
		if first == nil || errors.Is(err, fs.ErrPermission) {
			first = err
		}
	}
	// One that runs is enough: another is not installed because of its permissions.
	if errors.Is(first, fs.ErrPermission) || !o.Install || tries[0].named || !installable() {
		return nil, first
	}
	if err := install(ctx, o); err != nil {
		return nil, &NoEngineError{Host: tries[0].host, Err: err, Remedy: remedyFor(tries[0], err)}
	}
	return waitFor(ctx, tries[0], o)
}

// connect opens the connection and asks for the version, which both proves
// that an engine answers and settles the API version to speak.
func connect(ctx context.Context, c candidate, o Options) (*Engine, error) {
	fail := func(err error) error {
		return &NoEngineError{Host: c.host, Err: err, Remedy: remedyFor(c, err)}
	}
	options := []client.Opt{client.FromEnv, client.WithHost(c.host)}
	if c.certs != "" {
		options = append(options, client.WithTLSClientConfig(
			filepath.Join(c.certs, "ca.pem"), filepath.Join(c.certs, "cert.pem"), filepath.Join(c.certs, "key.pem")))
	}
	var through *tunnel
	if strings.HasPrefix(c.host, "ssh://") {
		var err error
		if through, err = viaSSH(c.host); err != nil {
			return nil, fail(err)
		}
		options = through.options()
	}
	api, err := client.New(options...)
	if err != nil {
		return nil, fail(err)
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	v, err := api.ServerVersion(asking, client.ServerVersionOptions{})
	if err == nil {
		var e *Engine
		if e, err = newEngine(api, c, v, o); err == nil {
			return e, nil
		}
	}
	api.Close()
	if through != nil {
		if words := through.words(); words != "" {
			err = errors.New(words)
		}
	}
	if denied(c.host) {
		return nil, fail(fs.ErrPermission)
	}
	if no := new(NoEngineError); errors.As(err, &no) {
		return nil, err
	}
	return nil, fail(err)
}

// denied reports whether this user may not connect to a local engine's socket:
// the client's own error does not.
func denied(host string) bool {
	path, local := strings.CutPrefix(host, "unix://")
	if !local {
		return false
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, fs.ErrPermission)
}

// waitFor tries an engine that is starting until it answers, for a minute.
func waitFor(ctx context.Context, c candidate, o Options) (*Engine, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		e, err := connect(ctx, c, o)
		if err == nil {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// remedyFor says in a few words what helps against err at that address.
func remedyFor(c candidate, err error) string {
	switch {
	case strings.HasPrefix(c.host, "ssh://"):
		return fmt.Sprintf("`DOCKER_HOST=%s docker version` has to work first, without a question: a key that an agent holds, a known host, docker in the PATH there", c.host)
	case errors.Is(err, fs.ErrPermission):
		return deniedRemedy(c.host)
	case c.named:
		return "start it, or name another in DOCKER_HOST, or unset that"
	case runtime.GOOS == "linux" && aptGet() != "":
		return "install and start one, `sudo apt-get install docker.io`, start Podman's socket, `systemctl enable --now podman.socket`, or set DOCKER_HOST"
	case runtime.GOOS == "linux":
		return "install and start Docker, or Podman with its socket (`systemctl enable --now podman.socket`), or set DOCKER_HOST"
	}
	return "start Docker Desktop or another engine, or set DOCKER_HOST"
}

// deniedRemedy says how a user comes to use an engine whose socket he may not open.
func deniedRemedy(host string) string {
	if strings.HasSuffix(host, "/podman.sock") {
		return "start one of your own, `systemctl --user enable --now podman.socket`, or run this with sudo"
	}
	return "run `sudo usermod -aG docker $USER` and log in again, or run this with sudo"
}
