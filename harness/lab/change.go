package lab

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A NetworkFault is one thing broken in a sandbox's network.
type NetworkFault struct {
	Kind NetworkFaultKind
	// To is the address that it is about: "10.0.0.5:9000", or of the kinds that concern a whole host "10.0.0.5".
	To string
	// With is how a firewall rejects, as nft(8) names it ("tcp-reset"), or the type of a route, as ip-route(8) does
	// ("unreachable").
	With string
	// Answers makes a firewall drop the packets that come from the address, not those that go to it.
	Answers bool
}

// A NetworkFaultKind is a way to break a network.
type NetworkFaultKind string

// The ways to break a network.
const (
	NetworkDrop    NetworkFaultKind = "drop"   // a firewall drops packets
	NetworkReject  NetworkFaultKind = "reject" // a firewall rejects packets
	NetworkRoute   NetworkFaultKind = "route"  // a route leads a host's packets nowhere
	NetworkNoRoute NetworkFaultKind = "away"   // no route leads to a host
	NetworkHostOff NetworkFaultKind = "off"    // a host of the gateway's own network answers no ARP request
)

// BreakNetwork breaks the sandbox's network in one place. Undo takes that back, once.
func (c *Sandbox) BreakNetwork(ctx context.Context, f NetworkFault) (undo func(context.Context) error, err error) {
	spec := agentapi.NetSpec{
		Kind: string(f.Kind), To: f.To, With: f.With, Answers: f.Answers,
		Real: c.lab.options.RealTime || c.setup.KernelTime,
	}
	if err := c.call(ctx, "BreakNet", spec, nil); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return c.call(ctx, "RestoreNet", spec, nil) }, nil
}

// WriteFile writes a file into the sandbox. Undo brings back, once, what was at its path: another file with its mode and
// owner, or nothing.
func (c *Sandbox) WriteFile(ctx context.Context, f File) (undo func(context.Context) error, err error) {
	return c.change(ctx, agentapi.FileSpec{File: f})
}

// Chmod changes the mode of a file, a folder or a socket of the sandbox. Undo brings back the mode that it had, once.
func (c *Sandbox) Chmod(ctx context.Context, path string, mode uint32) (undo func(context.Context) error, err error) {
	return c.change(ctx, agentapi.FileSpec{File: File{Path: path, Mode: mode}, Chmod: true})
}

// SetHosts makes names resolve to these addresses in the sandbox, and no others. A program asks anew when it is restarted.
// Undo brings back, once, what they resolved to.
func (c *Sandbox) SetHosts(ctx context.Context, hosts map[string]string) (undo func(context.Context) error, err error) {
	return c.WriteFile(ctx, hostsFile(hosts))
}

func (c *Sandbox) change(ctx context.Context, spec agentapi.FileSpec) (undo func(context.Context) error, err error) {
	ref := agentapi.ChangeRef{}
	if err := c.call(ctx, "Change", spec, &ref.Change); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return c.call(ctx, "UndoChange", ref, nil) }, nil
}

// LimitDisk makes a folder of the sandbox a file system of so many bytes, which is empty at first: for the gateway, or on the machine of a real
// upstream where one is named. Undo gives the folder back.
func (c *Sandbox) LimitDisk(ctx context.Context, upstream, path string, bytes int64) (undo func(context.Context) error, err error) {
	call := func(ctx context.Context, spec agentapi.DiskSpec) error { return c.call(ctx, "Disk", spec, nil) }
	if upstream != "" {
		u, err := c.Upstream(upstream)
		if err != nil {
			return nil, err
		}
		if u.Real == nil {
			return nil, fmt.Errorf("the upstream %s has no disk: it takes a real one", upstream)
		}
		s, err := c.containerOf(ctx, u)
		if err != nil {
			return nil, err
		}
		call = func(ctx context.Context, spec agentapi.DiskSpec) error {
			return s.client.Call(ctx, c.id, "Disk", spec, &agentapi.None{})
		}
	}
	spec := agentapi.DiskSpec{Path: path, Bytes: bytes}
	if err := call(ctx, spec); err != nil {
		return nil, err
	}
	spec.Bytes = 0
	return func(ctx context.Context) error { return call(ctx, spec) }, nil
}
