//go:build linux

package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// startFake starts a fake upstream that lives in the sandbox's network and by its clock.
func (c *sandbox) startFake(_ context.Context, f agentapi.FakeSpec) error {
	spec := f.Spec
	if path, ok := strings.CutPrefix(spec.Listen, "unix:"); ok {
		spec.Listen = "unix:" + c.path(path)
		if err := os.MkdirAll(filepath.Dir(c.path(path)), 0o755); err != nil {
			return fmt.Errorf("making a folder for the socket %s of sandbox %s: %w", path, c.id, err)
		}
	}
	s, err := fakeupstream.New(spec, fakeupstream.Options{
		Clock: c.clock,
		Listen: func(network, address string) (l net.Listener, err error) {
			if ierr := c.online(func() error { l, err = net.Listen(network, address); return nil }); ierr != nil {
				return nil, ierr
			}
			return l, err
		},
		ListenPacket: func(network, address string) (l net.PacketConn, err error) {
			if ierr := c.online(func() error { l, err = net.ListenPacket(network, address); return nil }); ierr != nil {
				return nil, ierr
			}
			return l, err
		},
		Dial: func(network, address string) (conn net.Conn, err error) {
			if ierr := c.online(func() error { conn, err = (&net.Dialer{}).DialContext(c.life, network, address); return nil }); ierr != nil {
				return nil, ierr
			}
			return conn, err
		},
	})
	if err != nil {
		return fmt.Errorf("starting the fake upstream %s of sandbox %s: %w", f.Name, c.id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fakes[f.Name] = s
	return nil
}

func (c *sandbox) fake(name string) (*fakeupstream.Server, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.fakes[name]
	if f == nil {
		return nil, fmt.Errorf("sandbox %s has no fake upstream %q", c.id, name)
	}
	return f, nil
}

// stopFake ends a fake upstream, and returns what it was asked.
func (c *sandbox) stopFake(_ context.Context, ref agentapi.NameRef) ([]fakeupstream.ConnectionRecord, error) {
	f, err := c.fake(ref.Name)
	if err != nil {
		return nil, err
	}
	asked := f.Records()
	c.mu.Lock()
	delete(c.fakes, ref.Name)
	c.mu.Unlock()
	err = f.Close()
	// A program that is just being started has copies of all sockets until it runs, and keeps them open: wait for it.
	syscall.ForkLock.RLock()
	//lint:ignore SA2001 there is nothing to do under the lock: to have got it is what was waited for
	syscall.ForkLock.RUnlock()
	return asked, err
}
