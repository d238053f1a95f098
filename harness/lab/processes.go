package lab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// gatewayName is the gateway's name among the processes of a sandbox.
const gatewayName = "gateway"

// A ConfigError says that the gateway does not start with its config.
type ConfigError struct {
	Program string
	Lines   []gateway.LogRecord // the gateway's own words, the one that stopped it first
	Output  string              // what it printed, as it is
}

func (e *ConfigError) Error() string {
	if len(e.Lines) > 0 {
		return fmt.Sprintf("%s does not start with this config: %s", e.Program, e.Lines[0].Message)
	}
	return fmt.Sprintf("%s does not start with this config: %s", e.Program, e.Output)
}

// StartGateway starts the gateway with the config that is in the sandbox.
func (c *Sandbox) StartGateway(ctx context.Context) error {
	var out agentapi.ProcStarted
	if err := c.call(ctx, "Start", c.gatewaySpec(), &out); err != nil {
		c.Note(gatewayName, "does not start: %v", err)
		return err
	}
	return c.gatewayStarted(out)
}

// gatewaySpec is how the gateway is started.
func (c *Sandbox) gatewaySpec() agentapi.ProcSpec {
	p := c.setup.Gateway.Driver
	return agentapi.ProcSpec{
		Name: gatewayName, Argv: p.Argv, Clock: c.Clocked(), Wake: p.Wake,
		Ready: []string{cmp.Or(c.setup.Gateway.Listen, FrontDoor)}, Attempts: true,
	}
}

// gatewayStarted says what became of its start.
func (c *Sandbox) gatewayStarted(out agentapi.ProcStarted) error {
	p := c.setup.Gateway.Driver
	if out.Exited {
		c.Note(gatewayName, "does not start, and prints: %s", out.Output)
		return &ConfigError{Program: p.Name, Output: out.Output, Lines: p.Refusal(out.Output)}
	}
	if out.Clockless {
		return fmt.Errorf("%s took libfaketime when the lab tried it, and does not take it now", p.Name)
	}
	c.asked.Store(false)
	c.Note(gatewayName, "%s started", c.program.Name)
	return nil
}

// StopGateway ends the gateway at once, if it runs.
func (c *Sandbox) StopGateway(ctx context.Context) error {
	if c.setup.CatchAll != nil && !c.isRunning(false) {
		return nil
	}
	if err := c.signal(ctx, c.lab.gateway, agentapi.ProcRef{Name: gatewayName, Signal: 9, Group: true, Await: true}); err != nil {
		return err
	}
	c.Note(gatewayName, "stopped")
	return nil
}

// RestartGateway ends the gateway, if it runs, and starts it with the config that is in the sandbox.
func (c *Sandbox) RestartGateway(ctx context.Context) error {
	if err := c.StopGateway(ctx); err != nil {
		return err
	}
	return c.StartGateway(ctx)
}

// SetConfig gives the gateway another main config and restarts it, as a deploy does.
func (c *Sandbox) SetConfig(ctx context.Context, conf string) error {
	if _, err := c.WriteFile(ctx, File{Path: c.setup.Gateway.Driver.Conf, Data: conf}); err != nil {
		return err
	}
	c.mu.Lock()
	c.config = conf
	c.mu.Unlock()
	c.Note(gatewayName, "has another config")
	return c.RestartGateway(ctx)
}

// Config is the gateway's main config as it is now.
func (c *Sandbox) Config(ctx context.Context) (string, error) {
	c.mu.Lock()
	config := c.config
	c.mu.Unlock()
	if config != "" {
		return config, nil
	}
	text, _, err := c.ReadFile(ctx, c.setup.Gateway.Driver.Conf)
	return text, err
}

// Upstream is an upstream as the sandbox was set up with it.
func (c *Sandbox) Upstream(name string) (Upstream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, known := c.upstreams[name]
	if !known {
		return u, fmt.Errorf("the sandbox has no upstream %q", name)
	}
	return u, nil
}

// Running is the upstream that runs under a name, if one was started and not stopped since.
func (c *Sandbox) Running(name string) (u Upstream, runs bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, runs = c.playing[name]
	return u, runs
}

// StartUpstream starts an upstream. Under the name of one that runs it takes its place.
func (c *Sandbox) StartUpstream(ctx context.Context, u Upstream) error {
	if err := u.validate(); err != nil {
		return err
	}
	if _, running := c.Running(u.Name); running {
		if err := c.StopUpstream(ctx, u.Name, 0); err != nil {
			return err
		}
	}
	var err error
	if u.Fake != nil {
		err = c.call(ctx, "StartFake", agentapi.FakeSpec{Name: u.Name, Spec: *u.Fake}, nil)
	} else {
		err = c.startBackend(ctx, u)
	}
	if err != nil {
		c.Note("upstream "+u.Name, "does not start: %v", err)
		return fmt.Errorf("starting the upstream %s: %w", u.Name, err)
	}
	c.plays(u)
	return nil
}

// plays notes that an upstream runs.
func (c *Sandbox) plays(u Upstream) {
	c.mu.Lock()
	c.playing[u.Name] = u
	c.mu.Unlock()
	c.Note("upstream "+u.Name, "listens on %s", u.Address())
}

func (c *Sandbox) startBackend(ctx context.Context, u Upstream) error {
	b := u.Real
	s, err := c.containerOf(ctx, u)
	if err != nil {
		return err
	}
	if b.Log != "" && !slices.ContainsFunc(c.setup.Upstreams, func(of Upstream) bool { return of.logs() == b.Log }) {
		if err := c.call(ctx, "Follow", agentapi.FollowSpec{Path: b.Log}, nil); err != nil {
			return err
		}
	}
	spec := agentapi.ProcSpec{
		Name: u.Name, Argv: b.Argv, Env: b.Env, Clock: c.Clocked(), Files: b.Files,
		Wake: b.Wake,
	}
	if b.Listen != "" {
		spec.Ready = []string{b.Listen}
	}
	var out agentapi.ProcStarted
	if err := s.client.Call(ctx, c.id, "Start", spec, &out); err != nil {
		if image := c.lab.options.BackendImages[b.Image]; image != "" {
			err = fmt.Errorf("in the image %s, which stands in for %s: %w", image, b.Image, err)
		}
		return c.withLogEnd(ctx, b.Log, err)
	}
	if out.Exited {
		return c.withLogEnd(ctx, b.Log, fmt.Errorf("%s ended at its start: %s", b.Argv[0], out.Output))
	}
	if out.Clockless {
		c.Note("upstream "+u.Name, "takes no moved clock: its time is real")
	}
	return nil
}

// logEndLines is how many lines of its log are told of a backend that does not start.
const logEndLines = 5

// withLogEnd adds the end of a backend's own log to the reason why it does not start: many a server says it there alone.
func (c *Sandbox) withLogEnd(ctx context.Context, path string, err error) error {
	if path == "" || ctx.Err() != nil {
		return err
	}
	end, unread := c.logEnd(ctx, path)
	switch {
	case unread != nil:
		return err
	case end == "":
		return fmt.Errorf("%w; nothing is in its log %s", err, path)
	case strings.Contains(err.Error(), end):
		return err // it printed the same
	}
	return fmt.Errorf("%w; its log %s ends:\n%s", err, path, end)
}

// logEnd is the last lines of a log.
func (c *Sandbox) logEnd(ctx context.Context, path string) (string, error) {
	text, _, err := c.ReadFile(ctx, path)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-logEndLines):], "\n"), err
}

// containerOf is the container that a real upstream runs in, with the sandbox open there.
func (c *Sandbox) containerOf(ctx context.Context, u Upstream) (*labContainer, error) {
	if u.Real.Image == "" && c.lab.own == ownServers {
		return c.lab.gateway, nil
	}
	s, err := c.lab.backend(ctx, u.Real, c.id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	open := c.attached[s]
	c.mu.Unlock()
	if open {
		return s, nil
	}
	spec := agentapi.SandboxSpec{ID: c.id, Join: c.netns, Folders: c.backendFolders(u), Still: u.Real.Image == "", Pace: c.pace()}
	if _, err := s.openSandbox(ctx, spec); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.attached[s] = true
	c.mu.Unlock()
	return s, nil
}

// backendFolders are the private folders in the container of a real upstream: those of all that run there, as it is opened once for them.
func (c *Sandbox) backendFolders(u Upstream) []agentapi.Folder {
	folders := append([]agentapi.Folder{{Path: "/run"}, {Path: "/var/www"}, {Path: "/var/log/upstream"}}, u.Real.Folders...)
	for _, other := range c.setup.Upstreams {
		if other.Real == nil || other.Real.Image != u.Real.Image {
			continue
		}
		for _, f := range other.Real.Folders {
			if !slices.Contains(folders, f) {
				folders = append(folders, f)
			}
		}
	}
	return folders
}

// StopUpstream ends an upstream: a fake closes its listener and all its connections; a real one gets the signal, or
// with 0 is ended at once with all its children.
func (c *Sandbox) StopUpstream(ctx context.Context, name string, signal int) error {
	c.mu.Lock()
	u, running := c.playing[name]
	delete(c.playing, name)
	c.mu.Unlock()
	if !running {
		return fmt.Errorf("the upstream %q does not run", name)
	}
	c.Note("upstream "+name, "is stopped")
	if u.Fake != nil {
		return c.retire(ctx, u)
	}
	s, err := c.containerOf(ctx, u)
	if err != nil {
		return err
	}
	ref := agentapi.ProcRef{Name: name, Signal: signal, Await: true}
	if signal == 0 {
		ref.Signal, ref.Group = 9, true
	}
	return c.signal(ctx, s, ref)
}

// AwaitEnd waits until a real upstream ends by itself: some servers listen first, and give up when the application does not load. Said
// is the end of what it printed and logged.
func (c *Sandbox) AwaitEnd(ctx context.Context, name string) (said string, err error) {
	u, running := c.Running(name)
	if !running || u.Real == nil {
		return "", fmt.Errorf("no real upstream %q runs", name)
	}
	s, err := c.containerOf(ctx, u)
	if err != nil {
		return "", err
	}
	if err := c.signal(ctx, s, agentapi.ProcRef{Name: name, Group: true, Await: true}); err != nil {
		return "", fmt.Errorf("waiting until %s ends by itself: %w", name, err)
	}
	c.mu.Lock()
	delete(c.playing, name)
	c.mu.Unlock()
	c.Note("upstream "+name, "ended by itself")
	printed := agentapi.OutputOf(name)
	said, err = c.logEnd(ctx, printed)
	if err != nil || u.Real.Log == "" || u.Real.Log == printed {
		return said, err
	}
	logged, err := c.logEnd(ctx, u.Real.Log)
	return said + "\n" + logged, err
}

// SignalUpstream sends a signal to a real upstream, or to its children.
func (c *Sandbox) SignalUpstream(ctx context.Context, name string, signal int, children bool) error {
	u, running := c.Running(name)
	if !running || u.Real == nil {
		return fmt.Errorf("no real upstream %q runs", name)
	}
	s, err := c.containerOf(ctx, u)
	if err != nil {
		return err
	}
	c.Note("upstream "+name, "gets signal %d", signal)
	return c.signal(ctx, s, agentapi.ProcRef{Name: name, Signal: signal, Children: children})
}

// LimitCPUs changes the share of processors that a real upstream's own container has. Its backend needs CPUs from the start.
// Undo gives back the share that it had.
func (c *Sandbox) LimitCPUs(ctx context.Context, name string, cpus float64) (undo func(context.Context) error, err error) {
	u, err := c.Upstream(name)
	if err != nil {
		return nil, err
	}
	if u.Real == nil || u.Real.CPUs == 0 {
		return nil, fmt.Errorf("the upstream %s has no share of processors that could be changed", name)
	}
	c.mu.Lock()
	former, changed := c.shares[name]
	c.mu.Unlock()
	if !changed {
		former = u.Real.CPUs
	}
	if err := c.setCPUs(ctx, u, cpus); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return c.setCPUs(ctx, u, former) }, nil
}

func (c *Sandbox) setCPUs(ctx context.Context, u Upstream, cpus float64) error {
	s, err := c.containerOf(ctx, u)
	if err != nil {
		return err
	}
	period, quota := processors(cpus)
	_, err = c.lab.engine.Client().ContainerUpdate(ctx, s.container.GetContainerID(), client.ContainerUpdateOptions{
		Resources: &container.Resources{CPUPeriod: period, CPUQuota: quota},
	})
	if errdefs.IsNotFound(err) && c.lab.engine.Name() == "Podman" {
		return &LackError{Lack{
			Need: agentapi.NeedCPUs, What: "changing a container's limits while it runs", Why: "this Podman's API has no such call",
			Remedy: "use Podman 5 or Docker",
		}}
	}
	if err != nil {
		return fmt.Errorf("giving %s %.2f processors: %w", u.Name, cpus, err)
	}
	c.mu.Lock()
	c.shares[u.Name] = cpus
	c.mu.Unlock()
	c.Note("upstream "+u.Name, "has %.2f processors", cpus)
	return nil
}

func (c *Sandbox) signal(ctx context.Context, s *labContainer, ref agentapi.ProcRef) error {
	return s.client.Call(ctx, c.id, "Signal", ref, &agentapi.None{})
}

// endsWithin is how long a gateway that answers nobody may take to be known to have ended.
const endsWithin = time.Second

// GatewayEnded is why a gateway has ended that began to listen when it was started; nil while it runs.
func (c *Sandbox) GatewayEnded(ctx context.Context) *ConfigError {
	limited, cancel := context.WithTimeout(ctx, endsWithin)
	defer cancel()
	if c.signal(limited, c.lab.gateway, agentapi.ProcRef{Name: gatewayName, Group: true, Await: true}) != nil {
		return nil
	}
	printed, _ := c.logEnd(ctx, agentapi.OutputOf(gatewayName)) // without it, it is known that it ended
	d := c.setup.Gateway.Driver
	return &ConfigError{Program: d.Name, Output: printed, Lines: d.Refusal(printed)}
}
