// Package engine finds the container engine, and gets from it or for it what
// a lab is made of: the images, the project's own Linux program that becomes a
// container's init, and the library that moves a container's clock.
//
// Everything the package makes carries Label, so that Clean finds it again.
package docker

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/moby/moby/client"

	"github.com/badgateway/badgateway/harness/internal/once"
)

// Label marks every container, volume, network and image the project makes.
// On an image its value is "image"; on what a lab makes it names the owner, as
// Labels returns it.
const Label = "org.badgateway"

// Options say how Find goes about it. The zero value looks and never changes
// the machine.
type Options struct {
	// Install allows Find, as root on Debian or Ubuntu, to install and start
	// an engine where none answers.
	Install bool
	// Logger gets a line about each step that takes long; nil for none.
	Logger *slog.Logger
}

func (o Options) logger() *slog.Logger { return cmp.Or(o.Logger, slog.New(slog.DiscardHandler)) }

// Engine is a connection to a container engine. It is safe for use by several
// goroutines, and, through locks in the cache folder, beside other processes.
type Engine struct {
	client  *client.Client
	host    string // unix:///..., tcp://..., npipe://..., ssh://...
	certs   string // the folder of the certificates that it was reached with, "" for none or what the environment names
	arch    string // as Go names it: amd64, arm64
	version string
	label   string // Label, except in tests
	log     *slog.Logger
	kind    string // Docker, Podman
	way     string // how its address was come by

	info once.Value[Info]

	agent once.Value[[]byte]
}

// Client returns the connection itself, for calls this package has no method
// for. It belongs to the Engine: don't close it.
func (e *Engine) Client() *client.Client { return e.client }

// Close ends the connection. Containers go on as they are.
func (e *Engine) Close() error { return e.client.Close() }

// Host returns the engine's address, such as unix:///var/run/docker.sock.
func (e *Engine) Host() string { return e.host }

// Far reports whether a network is on the way to the engine.
func (e *Engine) Far() bool {
	return strings.HasPrefix(e.host, "tcp://") || strings.HasPrefix(e.host, "ssh://")
}

// Way tells how its address was come by, such as DOCKER_HOST.
func (e *Engine) Way() string { return cmp.Or(e.way, "installing it") }

// Architecture returns the engine's processor as Go names it: amd64, arm64.
func (e *Engine) Architecture() string { return e.arch }

// Version returns the engine's own version, such as 20.10.24.
func (e *Engine) Version() string { return e.version }

// IsRemote reports whether the engine is reached over a network, so that paths
// of this machine mean nothing to it.
func (e *Engine) IsRemote() bool { return isRemote(e.host) }

// environment is what makes a program that this process starts come to the same
// engine.
func (e *Engine) environment() []string {
	env := append(os.Environ(), "DOCKER_HOST="+e.host)
	if e.certs != "" {
		env = append(env, "DOCKER_CERT_PATH="+e.certs, "DOCKER_TLS_VERIFY=1")
	}
	return env
}

// Labels returns the labels of whatever this process makes on the engine: Label,
// with this process as the owner, by which Sweep knows whether it still runs.
func Labels() map[string]string {
	return map[string]string{Label: self().String()}
}

func isRemote(host string) bool {
	u, err := url.Parse(host)
	if err != nil || u.Scheme == "unix" || u.Scheme == "npipe" {
		return false
	}
	name := u.Hostname()
	if ip := net.ParseIP(name); ip != nil {
		return !ip.IsLoopback()
	}
	return name != "localhost"
}

// newEngine asks a connected client what it is connected to.
func newEngine(api *client.Client, c candidate, v client.ServerVersionResult, o Options) (*Engine, error) {
	if v.Os != "linux" {
		return nil, &NoEngineError{
			Host:   c.host,
			Err:    fmt.Errorf("it runs %s containers", v.Os),
			Remedy: "switch it to Linux containers",
		}
	}
	return &Engine{
		client: api, host: c.host, certs: c.certs, label: Label, log: o.logger(),
		arch: goArchitecture(v.Arch), version: v.Version, kind: kindOf(v),
	}, nil
}

// goArchitecture gives the name Go uses to an architecture that an engine may
// have named the kernel's way.
func goArchitecture(s string) string {
	switch s {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return s
}
