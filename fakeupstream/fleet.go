package fakeupstream

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

// fleet is the upstreams of one program, by name.
type fleet struct {
	opts Options
	open bool // the control API may start upstreams that other machines reach

	mu      sync.Mutex
	servers []*Server // in the order in which they were added
}

// view is an upstream as the control API shows it.
type view struct {
	Name        string `json:"name"`
	Address     string `json:"address"`
	Connections int    `json:"connections"`
	Requests    int    `json:"requests"`
	Spec        Spec   `json:"spec"`
	CA          string `json:"ca,omitempty"` // PEM
}

func viewOf(s *Server) view {
	v := view{Name: s.Name(), Address: s.Addr().String(), Spec: s.Spec(), CA: string(s.CA())}
	v.Connections, v.Requests = s.Counts()
	return v
}

// find gives the upstream of that name and its place.
func (f *fleet) find(name string) (int, *Server) {
	for i, s := range f.servers {
		if s.Name() == name {
			return i, s
		}
	}
	return -1, nil
}

func (f *fleet) get(name string) *Server {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, s := f.find(name)
	return s
}

func (f *fleet) all() []*Server {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*Server(nil), f.servers...)
}

var (
	errTaken = errors.New("the name is taken")
	errOpen  = errors.New("other machines could reach it; listen on a loopback address, or start the program with --open")
)

// allows reports what is wrong with an upstream that the control API is asked for.
func (f *fleet) allows(spec Spec) error {
	spec.Listen = local(spec.Listen)
	network, address := spec.where()
	if host, _, err := net.SplitHostPort(address); !f.open && network == "tcp" && err == nil && !isLoopback(host) {
		return fmt.Errorf("listen: %q: %w", address, errOpen)
	}
	return nil
}

// local is where to listen: a port alone is this machine's, as nobody else was asked in.
func local(listen string) string {
	if strings.HasPrefix(listen, ":") {
		return "127.0.0.1" + listen
	}
	return listen
}

func (f *fleet) add(spec Spec) (*Server, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	spec.Listen = local(spec.Listen)
	if _, s := f.find(spec.name()); s != nil {
		return nil, fmt.Errorf("upstream %q: %w; give another \"name\", or replace it with PUT", spec.name(), errTaken)
	}
	s, err := New(spec, f.opts)
	if err != nil {
		return nil, err
	}
	f.servers = append(f.servers, s)
	return s, nil
}

// replace closes an upstream and makes another in its place. Unless the new one says
// otherwise it has the same name and listens on the same address, the port included that
// the old one was given. A Spec that is not valid leaves the old one as it is.
func (f *fleet) replace(name string, spec Spec) (*Server, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, old := f.find(name)
	if old == nil {
		return nil, nil
	}
	spec.Listen = local(spec.Listen)
	if listen := old.Spec().Listen; spec.Listen == "" || spec.Listen == listen {
		spec.Listen = listen
		if old.network == "tcp" {
			spec.Listen = old.address
		}
	}
	if spec.Name == "" {
		spec.Name = name
	}
	if j, other := f.find(spec.Name); other != nil && j != i {
		return nil, fmt.Errorf("upstream %q: %w", spec.Name, errTaken)
	}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if err := old.Close(); err != nil {
		return nil, err
	}
	s, err := New(spec, f.opts)
	if err != nil {
		f.servers = append(f.servers[:i], f.servers[i+1:]...)
		return nil, fmt.Errorf("the old upstream is closed: %w", err)
	}
	f.servers[i] = s
	return s, nil
}

// remove closes an upstream, and reports whether there was one of that name.
func (f *fleet) remove(name string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, s := f.find(name)
	if s == nil {
		return false, nil
	}
	f.servers = append(f.servers[:i], f.servers[i+1:]...)
	return true, s.Close()
}

// reset makes everything well.
func (f *fleet) reset() error {
	var err error
	for _, s := range f.all() {
		err = first(err, s.reset())
	}
	return err
}

func (f *fleet) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.servers {
		_ = s.Close()
	}
	f.servers = nil
}
