package fault

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/lab"
)

// Drop makes a firewall drop the packets to an address and port without a word (nft: drop).
type Drop struct {
	To      string // "10.0.0.5:8080"
	Answers bool   // it drops the packets that come from there, not those that go there
}

// Inject adds the rule.
func (f Drop) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.BreakNetwork(ctx, lab.NetworkFault{Kind: lab.NetworkDrop, To: f.To, Answers: f.Answers}))
}

func (f Drop) String() string { return "a firewall drops the packets to " + f.To }

// Needs is what it takes of the engine.
func (f Drop) Needs() string { return lab.NeedFilters }

// Reject makes a firewall refuse the packets to an address and port (nft: reject with ...).
type Reject struct {
	To   string // "10.0.0.5:8080"
	With string // "tcp-reset", "icmp-port-unreachable", "icmp-host-prohibited", ... as nft(8) names them
}

// Inject adds the rule.
func (f Reject) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.BreakNetwork(ctx, lab.NetworkFault{Kind: lab.NetworkReject, To: f.To, With: f.With}))
}

func (f Reject) String() string {
	return fmt.Sprintf("a firewall rejects the packets to %s with %s", f.To, f.With)
}

// Needs is what it takes of the engine.
func (f Reject) Needs() string { return lab.NeedFilters }

// Route sends the packets for a host nowhere, by a route of that type (ip-route(8)).
type Route struct {
	Host string // "10.0.0.5"
	Type string // "unreachable", "prohibit" or "blackhole"
}

// Inject adds the route.
func (f Route) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.BreakNetwork(ctx, lab.NetworkFault{Kind: lab.NetworkRoute, To: f.Host, With: f.Type}))
}

func (f Route) String() string { return fmt.Sprintf("the route to %s is %s", f.Host, f.Type) }

// NoRoute takes away every route to a host.
type NoRoute struct{ Host string }

// Inject takes the routes away.
func (f NoRoute) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.BreakNetwork(ctx, lab.NetworkFault{Kind: lab.NetworkNoRoute, To: f.Host}))
}

func (f NoRoute) String() string { return "no route leads to " + f.Host }

// HostOff switches a host off: it is on the gateway's own network, and nobody answers for its address any more.
type HostOff struct{ Host string }

// Inject switches the host off.
func (f HostOff) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.BreakNetwork(ctx, lab.NetworkFault{Kind: lab.NetworkHostOff, To: f.Host}))
}

// Scaled says that the lab shortens a timer of the kernel for it.
func (f HostOff) Scaled() bool { return true }

func (f HostOff) String() string { return f.Host + " is switched off" }
