package fault

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// Drop makes a firewall drop the packets to an address and port without a word (nft: drop).
type Drop struct {
	To      string // "10.0.0.5:8080"
	Answers bool   // it drops the packets that come from there, not those that go there
}

// Do adds the rule.
func (f Drop) Do(ctx context.Context, c *lab.Sandbox) error { return c.BreakNetwork(ctx, f.spec()) }

// Undo removes it.
func (f Drop) Undo(ctx context.Context, c *lab.Sandbox) error { return c.RestoreNetwork(ctx, f.spec()) }

func (f Drop) spec() agentapi.NetSpec {
	return agentapi.NetSpec{Kind: "drop", To: f.To, Answers: f.Answers}
}

func (f Drop) String() string { return "a firewall drops the packets to " + f.To }

// Needs is what it takes of the engine.
func (f Drop) Needs() string { return agentapi.NeedFilters }

// Reject makes a firewall refuse the packets to an address and port (nft: reject with ...).
type Reject struct {
	To   string // "10.0.0.5:8080"
	With string // "tcp-reset", "icmp-port-unreachable", "icmp-host-prohibited", ... as nft(8) names them
}

// Do adds the rule.
func (f Reject) Do(ctx context.Context, c *lab.Sandbox) error { return c.BreakNetwork(ctx, f.spec()) }

// Undo removes it.
func (f Reject) Undo(ctx context.Context, c *lab.Sandbox) error {
	return c.RestoreNetwork(ctx, f.spec())
}

func (f Reject) spec() agentapi.NetSpec {
	return agentapi.NetSpec{Kind: "reject", To: f.To, With: f.With}
}

func (f Reject) String() string {
	return fmt.Sprintf("a firewall rejects the packets to %s with %s", f.To, f.With)
}

// Needs is what it takes of the engine.
func (f Reject) Needs() string { return agentapi.NeedFilters }

// Route sends the packets for a host nowhere, by a route of that type (ip-route(8)).
type Route struct {
	Host string // "10.0.0.5"
	Type string // "unreachable", "prohibit" or "blackhole"
}

// Do adds the route.
func (f Route) Do(ctx context.Context, c *lab.Sandbox) error { return c.BreakNetwork(ctx, f.spec()) }

// Undo removes it.
func (f Route) Undo(ctx context.Context, c *lab.Sandbox) error {
	return c.RestoreNetwork(ctx, f.spec())
}

func (f Route) spec() agentapi.NetSpec {
	return agentapi.NetSpec{Kind: "route", To: f.Host, With: f.Type}
}

func (f Route) String() string { return fmt.Sprintf("the route to %s is %s", f.Host, f.Type) }

// NoRoute takes away every way to a host.
type NoRoute struct{ Host string }

// Do takes the way away.
func (f NoRoute) Do(ctx context.Context, c *lab.Sandbox) error { return c.BreakNetwork(ctx, f.spec()) }

// Undo brings it back.
func (f NoRoute) Undo(ctx context.Context, c *lab.Sandbox) error {
	return c.RestoreNetwork(ctx, f.spec())
}

func (f NoRoute) spec() agentapi.NetSpec { return agentapi.NetSpec{Kind: "away", To: f.Host} }

func (f NoRoute) String() string { return "no route leads to " + f.Host }

// HostOff switches a host off: it is on the gateway's own network, and nobody answers for its address any more.
type HostOff struct{ Host string }

// Do switches the host off.
func (f HostOff) Do(ctx context.Context, c *lab.Sandbox) error { return c.BreakNetwork(ctx, f.spec()) }

// Undo switches it on again.
func (f HostOff) Undo(ctx context.Context, c *lab.Sandbox) error {
	return c.RestoreNetwork(ctx, f.spec())
}

func (f HostOff) spec() agentapi.NetSpec { return agentapi.NetSpec{Kind: "off", To: f.Host} }

// Scaled says that the lab shortens a timer of the kernel for it.
func (f HostOff) Scaled() bool { return true }

func (f HostOff) String() string { return f.Host + " is switched off" }
