package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/docker"
	"github.com/badgateway/badgateway/harness/internal/images"
	"github.com/badgateway/badgateway/harness/internal/once"
)

// Options say how a lab is to be made. The zero value is a lab of the project's own image on the engine at hand.
type Options struct {
	// GatewayImage is the image of the gateway ("nginx:1.29"); empty for the project's own.
	GatewayImage string
	// BackendImages are images that stand in for the project's own of real backends, by the names that [Images] has: "node" and "node:22". A
	// program has to be in the image's PATH under the name that Debian gives it.
	BackendImages map[string]string
	// Needs are the project's own images that will be needed, by the names that [Images] has. What is missing of them is made before
	// the lab starts, side by side with the lab's own; otherwise each is when it is first needed.
	Needs []string
	// RealTime leaves the clock alone: every wait is as long as it says.
	RealTime bool
	// Install allows to install and start a container engine where none is and the machine is Debian's and ours.
	Install bool
	// Untrusted makes a lab for configs that anybody wrote: its gateway's container has 1 GiB of memory and no swap, 4096
	// processes and threads, 512 MiB for the sandboxes' folders, and no capability but those that the lab's own program needs.
	// What runs in a sandbox with a [CatchAll] is jailed with or without it.
	Untrusted bool
	// WithoutLimits takes an engine that does not hold an untrusted lab to its limits on memory and processes.
	// Otherwise such an engine is a [LimitsError].
	WithoutLimits bool
	// Nginx is the version of nginx that the lab runs ("1.26"), where GatewayImage names no image; empty for the one that the project
	// is tested with.
	Nginx string
	// Logger gets a line about each step that takes long; nil for none.
	Logger *slog.Logger
}

// A Lab is the running containers: one that runs the gateways, and one for each image of a real backend or of another gateway, made
// when it is first needed. Any number of sandboxes can be open in it at once. It ends with the process that made it, however that
// ends.
type Lab struct {
	options Options
	engine  *docker.Engine
	agent   []byte
	gateway *labContainer
	lacks   []agentapi.Lack // what its engine and its first container lack
	away    time.Duration   // how long a call to the agent is on its way, there and back
	own     string          // which of the project's images the gateway's is; empty for somebody else's
	main    *Program        // the first that the gateway's image has of those that are known

	sandboxes atomic.Int64

	mu       sync.Mutex
	programs map[string]*once.Value[*Program]
	backends map[string]*once.Value[*labContainer]
	beside   map[string]*once.Value[*Lab] // by the project's image, for gateways that this one's lacks
}

// Start makes a lab. Its errors say what is missing and what to do: [NoEngineError], [NoImageError].
func Start(ctx context.Context, o Options) (*Lab, error) {
	e, err := docker.Find(ctx, docker.Options{Install: o.Install, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	// What a killed process has left, where no watcher was there to remove it, may go while this lab comes up.
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		_ = e.Sweep(ctx) // the next one finds it again
	}()
	defer func() { <-swept }()
	if o.Nginx != "" && o.GatewayImage == "" && !o.Untrusted {
		if o.GatewayImage, err = e.Nginx(ctx, o.Nginx); err != nil {
			return nil, err
		}
	}
	l := newLab(o, e)
	needs := o.Needs
	if l.own != "" && !o.Untrusted {
		needs = append([]string{l.own}, needs...)
	}
	if err := e.Images(ctx, needs...); err != nil {
		return nil, err
	}
	image := o.GatewayImage
	switch {
	case image != "":
		err = e.Pull(ctx, image)
	case o.Untrusted:
		image, err = e.Nginx(ctx, o.Nginx)
	default:
		image, err = e.Image(ctx, l.own)
	}
	if err != nil {
		return nil, err
	}
	return l.start(ctx, image)
}

// start starts the lab's first container and finds out what that can do.
func (l *Lab) start(ctx context.Context, image string) (*Lab, error) {
	var err error
	if l.agent, err = l.engine.Agent(ctx); err != nil {
		return nil, err
	}
	if l.gateway, err = l.newContainer(ctx, labContainerSpec{image: image, untrusted: l.options.Untrusted}); err != nil {
		return nil, fmt.Errorf("starting the lab on the image %s: %w", image, err)
	}
	measured := make(chan time.Duration, 1)
	go func() { measured <- l.gateway.client.Away() }()
	if err := l.survey(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if l.main, err = l.findGateway(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	select {
	case l.away = <-measured:
		return l, nil
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), l.Close())
	}
}

// newLab is a lab on an engine, without its containers.
func newLab(o Options, e *docker.Engine) *Lab {
	l := &Lab{options: o, engine: e,
		programs: map[string]*once.Value[*Program]{}, backends: map[string]*once.Value[*labContainer]{}, beside: map[string]*once.Value[*Lab]{}}
	if o.GatewayImage == "" {
		l.own = ownServers
	}
	return l
}

// with is the lab whose image has a gateway: this one or, where both are the project's, one beside it that is made when it is
// first needed.
func (l *Lab) with(ctx context.Context, d gateway.Driver) (*Lab, error) {
	if d.Own == "" || d.Own == l.own || l.own == "" || l.options.Untrusted {
		return l, nil
	}
	l.mu.Lock()
	s := l.beside[d.Own]
	if s == nil {
		s = &once.Value[*Lab]{}
		l.beside[d.Own] = s
	}
	l.mu.Unlock()
	other, err := s.Get(ctx, func(ctx context.Context) (*Lab, error) {
		image, err := l.engine.Image(ctx, d.Own)
		if err != nil {
			return nil, err
		}
		other := newLab(l.options, l.engine)
		other.own = d.Own
		return other.start(ctx, image)
	})
	if err != nil {
		return nil, fmt.Errorf("starting the lab for %s: %w", d.Name, err)
	}
	return other, nil
}

// Spare is how many sandboxes can be at work at once besides those that keep a lab's processors busy: in a lab that is far away,
// most of a sandbox's time is spent on the way.
func (l *Lab) Spare() int {
	const each, most = 4 * time.Millisecond, 28
	return min(int(l.away/each), most)
}

// Engine is the container engine that the lab runs on.
func (l *Lab) Engine() *Engine { return l.engine }

// Production is how the gateway's image is started in production; nothing is known of that of the project's own.
func (l *Lab) Production(ctx context.Context) (ProductionStart, error) {
	if l.own != "" {
		return docker.Start{}, nil
	}
	return l.engine.StartOf(ctx, l.options.GatewayImage)
}

// Close ends the lab and all that runs in it.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, b := range l.beside {
		if other, ok := b.Made(); ok {
			errs = append(errs, other.Close())
		}
	}
	l.beside = map[string]*once.Value[*Lab]{}
	for _, b := range l.backends {
		if s, ok := b.Made(); ok {
			errs = append(errs, s.close())
		}
	}
	l.backends = map[string]*once.Value[*labContainer]{}
	if l.gateway != nil {
		errs = append(errs, l.gateway.close())
	}
	return errors.Join(errs...)
}

// Gone is closed when the lab has ended: by Close, or because its engine did.
func (l *Lab) Gone() <-chan struct{} { return l.gateway.client.Gone() }

// ownServers is the project's image that labs start with. Its nginx stands behind gateways of other images, too.
const ownServers = "gateway"

// backend is the container that runs the backends of one image. One with a memory limit is the sandbox's own, since
// what the kernel kills there would be another's as well.
func (l *Lab) backend(ctx context.Context, b *Backend, cell string) (*labContainer, error) {
	name := cmp.Or(b.Image, ownServers)
	key := name
	instead := l.options.BackendImages[name]
	if recipe, err := images.Of(name); err == nil && instead == "" {
		key = recipe.Repository // names of one image share a container
	}
	if b.alone() {
		key = fmt.Sprintf("%s for %s", name, cell)
	}
	l.mu.Lock()
	s := l.backends[key]
	if s == nil {
		s = &once.Value[*labContainer]{}
		l.backends[key] = s
	}
	l.mu.Unlock()
	started, err := s.Get(ctx, func(ctx context.Context) (*labContainer, error) {
		image, err := l.backendImage(ctx, name)
		if err != nil {
			return nil, err
		}
		started, err := l.newContainer(ctx, labContainerSpec{image: image, sidecarOf: l.gateway, memory: b.Memory, cpus: b.CPUs})
		if err != nil {
			return nil, err
		}
		if lack := notHeld(agentapi.Limits{Memory: b.Memory, CPUs: b.CPUs}, started.hello.Limits); lack != nil {
			return nil, errors.Join(&LackError{*lack}, started.close())
		}
		return started, nil
	})
	if err != nil {
		return nil, fmt.Errorf("starting the container of the backend %s: %w", name, err)
	}
	return started, nil
}

// backendImage is the image of that name, or the one that stands in for it.
func (l *Lab) backendImage(ctx context.Context, name string) (string, error) {
	if image := l.options.BackendImages[name]; image != "" {
		return image, l.engine.Pull(ctx, image)
	}
	return l.engine.Image(ctx, name)
}

// dropBackends ends the containers that were made for one sandbox alone.
func (l *Lab) dropBackends(cell string) error {
	l.mu.Lock()
	var drop []*labContainer
	for key, b := range l.backends {
		if strings.HasSuffix(key, " for "+cell) {
			delete(l.backends, key)
			if s, ok := b.Made(); ok {
				drop = append(drop, s)
			}
		}
	}
	l.mu.Unlock()
	var errs []error
	for _, s := range drop {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
