package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Where the hosts of a sandbox are. The addresses are those that RFC 5737 sets aside for documentation.
const (
	// GatewayAddress is where the client reaches the gateway.
	GatewayAddress = "192.0.2.80"
	gatewayPort    = "80"
	visitorNet     = "198.51.100."
)

// A Setup is what a sandbox starts with.
type Setup struct {
	Gateway   Gateway
	Upstreams []Upstream
	// Clock lets the sandbox's time be moved, where the lab can do that.
	Clock bool
	// KernelTime leaves the kernel's own timers as they are. Otherwise what would take it seconds is made to take a fraction.
	KernelTime bool
	// Pace is how many times as fast as the machine's the clock of a gateway goes that can't be sent forward; 0 for its driver's.
	Pace float64
	// CatchAll makes every address, port, name and socket answer, and jails what runs. The gateway is then started by
	// [Sandbox.StartCommand], and Gateway and Upstreams are not used.
	CatchAll *CatchAll
	// Logs are further files of the sandbox whose lines come with each answer.
	Logs []string
}

// A Sandbox is a network, a folder and a clock in a lab, in which one gateway runs with its upstreams, apart from all other
// sandboxes.
//
// Its methods can be called from several goroutines at once, but for those that return an exchange ([Sandbox.Do], or
// [Sandbox.Probe] in one with a [CatchAll]): what was logged meanwhile is the exchange's, so there is one at a time, and
// another one is refused with [ErrBusy]. Clients beside it are started with [Sandbox.StartBackground]. A fault that is injected
// while an exchange is under way may meet it or not; see [WaitWindow] for how to be sure. Close ends what is under way.
//
// One with a [CatchAll] has no upstreams of its own and a file system that is put together anew, so what may be done in it is
// another: StartCommand in place of StartGateway, Probe of Do, Put of WriteFile, Chmod and SetHosts, SetBehaviour of
// StartUpstream, DrainEvents of Records; and Exec, There, Names, ReadTree, Written and Wipe are for it alone. What is not for a
// sandbox is refused with an error that names what is, and is [errors.ErrUnsupported].
type Sandbox struct {
	lab     *Lab
	id      string
	setup   Setup
	program *Program // of its gateway
	begun   time.Time

	netns    string
	logs     []string    // where the gateway may log its errors
	asked    atomic.Bool // anything of the gateway since it started
	exchange sync.Mutex  // held while one is under way
	time     sync.Mutex  // held while the clock is moved

	mu          sync.Mutex             // guards all that follows
	config      string                 // the gateway's main config; empty when it is the image's own
	moved       time.Duration          // how far the clock is ahead
	runs        bool                   // the clock goes on between two moves
	clients     int                    // how many have asked
	keeping     map[string]string      // the addresses of those that keep their connections
	clientHosts map[string]string      // the clients' hosts file
	clientDNS   string                 // the DNS server that they ask; empty for one that has all names at the gateway
	running     bool                   // the gateway was started, by StartCommand
	late        string                 // how a look came too late to prove anything; empty when none did
	upstreams   map[string]Upstream    // as they were set up
	playing     map[string]Upstream    // as they are now; absent while stopped
	shares      map[string]float64     // of the processors, of the upstreams whose share was changed
	attached    map[*labContainer]bool // the backends' containers in which the sandbox is open too
	events      []Event
	calls       *accounting
}

// An OpenError says why a sandbox whose programs were being started was not opened.
type OpenError struct {
	Err error
	// Transcript is what happened in it until then.
	Transcript []Event
}

func (e *OpenError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *OpenError) Unwrap() error { return e.Err }

// Open makes a sandbox and starts its upstreams and then its gateway. What does not start is an [OpenError]; a config that the gateway
// refuses is a [ConfigError] in it.
func (l *Lab) Open(ctx context.Context, setup Setup) (*Sandbox, error) {
	if setup.CatchAll != nil {
		return l.openCatchAll(ctx, setup)
	}
	l, err := l.with(ctx, setup.Gateway.Driver)
	if err != nil {
		return nil, err
	}
	c, spec, err := l.prepare(ctx, setup)
	if err != nil {
		return nil, err
	}
	opened, err := l.gateway.openSandbox(ctx, spec)
	if err != nil {
		return nil, err
	}
	c.netns = opened.Netns
	err = c.startUpstreams(ctx)
	switch {
	case err != nil:
	case spec.Gateway != nil:
		err = c.gatewayStarted(opened.Gateway)
	default:
		err = c.StartGateway(ctx)
	}
	if err != nil {
		return nil, &OpenError{errors.Join(err, c.Close()), c.Transcript()}
	}
	return c, nil
}

func (l *Lab) prepare(ctx context.Context, setup Setup) (c *Sandbox, spec agentapi.SandboxSpec, err error) {
	if err := setup.validate(); err != nil {
		return nil, spec, err
	}
	program, err := l.Program(ctx, setup.Gateway.Driver)
	if err != nil {
		return nil, spec, err
	}
	setup = program.fitted(setup)
	c = l.newSandbox(setup, program)
	driver := setup.Gateway.Driver
	spec = agentapi.SandboxSpec{
		ID:        c.id,
		Folders:   driver.Folders,
		Files:     slices.Concat([]agentapi.File{hostsFile(setup.Gateway.Hosts)}, driver.Files, setup.Gateway.Files),
		Addresses: addresses(setup),
		Pace:      c.pace(),
	}
	if c.config = setup.Gateway.Config; c.config != "" {
		spec.Files = append(spec.Files, agentapi.File{Path: driver.Conf, Data: c.config})
	}
	c.logs = errorLogs(driver, c.config)
	spec.Logs = slices.Concat(c.logs, setup.Logs)
	if driver.Syslog != nil {
		spec.Syslog, _ = driver.Syslog(c.config)
		spec.SyslogTo = agentapi.OutputOf(gatewayName)
	}
	if driver.AccessLog != "" {
		spec.Logs = append(spec.Logs, driver.AccessLog)
	}
	for _, u := range setup.Upstreams {
		c.upstreams[u.Name] = u
		if u.Fake != nil {
			spec.Fakes = append(spec.Fakes, agentapi.FakeSpec{Name: u.Name, Spec: *u.Fake})
		}
		if u.logs() != "" {
			spec.Logs = append(spec.Logs, u.logs())
		}
	}
	// Upstreams that are all fakes play from the start, and so the gateway may be started in the same call.
	if len(spec.Fakes) == len(setup.Upstreams) {
		gateway := c.gatewaySpec()
		spec.Gateway = &gateway
	}
	return c, spec, nil
}

// openCatchAll opens a sandbox in which everything answers.
func (l *Lab) openCatchAll(ctx context.Context, setup Setup) (*Sandbox, error) {
	setup.Clock, setup.Gateway.Driver = true, l.main.driver
	c := l.newSandbox(setup, l.main)
	c.logs = append([]string{agentapi.OutputOf(gatewayName)}, setup.Logs...)
	_, err := l.gateway.openSandbox(ctx, agentapi.SandboxSpec{
		ID: c.id, Logs: c.logs, CatchAll: setup.CatchAll,
		Addresses: []string{GatewayAddress, visitorNet + "1/24"},
		Files:     []agentapi.File{hostsFile(nil), {Path: "/etc/resolv.conf", Data: "nameserver 127.0.0.1\n"}},
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (l *Lab) newSandbox(setup Setup, program *Program) *Sandbox {
	return &Sandbox{
		lab: l, program: program, id: fmt.Sprintf("s%d", l.sandboxes.Add(1)), setup: setup, begun: time.Now(),
		upstreams: map[string]Upstream{}, playing: map[string]Upstream{}, shares: map[string]float64{}, attached: map[*labContainer]bool{},
		calls: newAccounting(), keeping: map[string]string{},
	}
}

func (c *Sandbox) startUpstreams(ctx context.Context) error {
	for _, u := range c.setup.Upstreams {
		if u.Fake != nil {
			c.plays(u) // since the sandbox was opened
			continue
		}
		if err := c.StartUpstream(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// addresses are the hosts of the sandbox: the gateway, its clients, and every upstream.
func addresses(setup Setup) []string {
	all := []string{GatewayAddress}
	known := map[string]bool{"127.0.0.1": true, "::1": true, "": true, "0.0.0.0": true, "::": true, GatewayAddress: true}
	all = append(all, visitorNet+"1/24") // on the loopback the whole net is ours
	for _, u := range setup.Upstreams {
		if h := host(u.Address()); !known[h] {
			known[h] = true
			all = append(all, h)
		}
	}
	for _, h := range setup.Gateway.Hosts {
		if !known[h] {
			known[h] = true
			all = append(all, h)
		}
	}
	return all
}

func hostsFile(hosts map[string]string) agentapi.File {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	for name, address := range hosts {
		fmt.Fprintf(&b, "%s %s\n", address, name)
	}
	return agentapi.File{Path: "/etc/hosts", Data: b.String()}
}

// call makes a call to the agent beside the gateway.
func (c *Sandbox) call(ctx context.Context, name string, args, reply any) error {
	if err := c.refuses(name); err != nil {
		return err
	}
	if reply == nil {
		reply = &agentapi.None{}
	}
	return unregistered(c.lab.gateway.client.Call(ctx, c.id, name, args, reply))
}

// unregistered says of a behaviour that the lab's program does not know, though this one does, how it comes to.
func unregistered(err error) error {
	if errors.Is(err, fakeupstream.ErrNoBehaviour) {
		return fmt.Errorf("a behaviour is registered in this program, and not in the one that the lab runs: let main, or TestMain, "+
			"begin with agentmain.Main (go doc github.com/badgateway/badgateway/harness/agentmain): %w", err)
	}
	return err
}

// Close ends all that runs in the sandbox and removes it.
func (c *Sandbox) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var errs []error
	for _, s := range c.elsewhere() {
		if err := s.closeSandbox(ctx, c.id); err != nil {
			errs = append(errs, err)
		}
	}
	if err := c.lab.gateway.closeSandbox(ctx, c.id); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.lab.dropBackends(c.id))
	return errors.Join(errs...)
}

// Starved is for how long something of the sandbox was ready to run, and had to wait for a processor.
func (c *Sandbox) Starved() (most time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	clients := []*agentapi.Client{c.lab.gateway.client}
	for _, s := range c.elsewhere() {
		if !s.limited {
			clients = append(clients, s.client)
		}
	}
	for _, one := range clients {
		var d time.Duration
		if one.Call(ctx, c.id, "Starved", agentapi.None{}, &d) == nil {
			most = max(most, d)
		}
	}
	return most
}

// Note adds a line to the sandbox's transcript.
func (c *Sandbox) Note(actor, format string, a ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, Event{At: time.Since(c.begun), Actor: actor, Text: fmt.Sprintf(format, a...)})
}

// Transcript is what happened in the sandbox so far.
func (c *Sandbox) Transcript() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Event(nil), c.events...)
}

// TooLate says how a look came too late to prove anything; it is empty when none did.
func (c *Sandbox) TooLate() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

// elsewhere are the backends' containers in which the sandbox is open too.
func (c *Sandbox) elsewhere() []*labContainer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.attached))
}

// nextClient numbers one more client, and gives it an address of its own.
func (c *Sandbox) nextClient() (number int, address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients++
	return c.clients, fmt.Sprint(visitorNet, (c.clients-1)%254+1)
}

// FrontDoor is where clients connect to the gateway.
var FrontDoor = net.JoinHostPort(GatewayAddress, gatewayPort)

// Tunnel is a connection to an address of the sandbox, such as [FrontDoor], from where this program runs.
func (c *Sandbox) Tunnel(ctx context.Context, to string) (net.Conn, error) {
	return c.lab.gateway.client.Tunnel(ctx, c.id, to)
}

// Listens reports whether the gateway takes connections at an address, such as [FrontDoor].
func (c *Sandbox) Listens(ctx context.Context, at string) (listens bool, err error) {
	err = c.call(ctx, "Listens", agentapi.NameRef{Name: at}, &listens)
	return listens, err
}

// Records tells what a fake upstream was asked since it began to play its present script.
func (c *Sandbox) Records(ctx context.Context, name string) ([]fakeupstream.ConnectionRecord, error) {
	var all []fakeupstream.ConnectionRecord
	err := c.call(ctx, "Records", agentapi.NameRef{Name: name}, &all)
	return all, err
}

// ReadFile reads a file of the sandbox; missing is true when there is none.
func (c *Sandbox) ReadFile(ctx context.Context, path string) (text string, missing bool, err error) {
	var out agentapi.FileText
	err = c.call(ctx, "Read", agentapi.NameRef{Name: path}, &out)
	return out.Text, out.Missing, err
}
