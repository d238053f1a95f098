package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// SetClientHosts gives the clients a hosts file: who of them asks for one of these names connects to the address that it has there, and all
// else is found as DNS has it, which is at [GatewayAddress]. A client with a name, and one who says [At] which address, has no such file.
// Undo brings back, once, the one that was there. The addresses have to be the sandbox's own (see [Gateway].Hosts).
func (c *Sandbox) SetClientHosts(_ context.Context, hosts map[string]string) (undo func(context.Context) error, err error) {
	c.mu.Lock()
	former := c.clientHosts
	c.clientHosts = maps.Clone(hosts)
	c.mu.Unlock()
	c.Note("visitor", "has the hosts file %v", hosts)
	return func(ctx context.Context) error {
		_, err := c.SetClientHosts(ctx, former)
		return err
	}, nil
}

// SetClientDNS has the clients ask a DNS server of the sandbox ("203.0.113.53:53") at each request where a name is, but for those that are in
// their hosts file; empty is DNS as it should be, which has all names at [GatewayAddress]. It is for the same clients as [Sandbox.SetClientHosts].
// Undo brings back, once, the server that they asked before.
func (c *Sandbox) SetClientDNS(_ context.Context, server string) (undo func(context.Context) error, err error) {
	c.mu.Lock()
	former := c.clientDNS
	c.clientDNS = server
	c.mu.Unlock()
	c.Note("visitor", "asks the DNS server %s", cmp.Or(server, "of all others"))
	return func(ctx context.Context) error {
		_, err := c.SetClientDNS(ctx, former)
		return err
	}, nil
}

// lookUpWithin bounds the wait for a DNS server's answer.
const lookUpWithin = 5 * time.Second

// ClientConnectsTo is where a client connects to who asks for that without options: [FrontDoor], unless his hosts file or his DNS server says
// otherwise. A DNS server that does not answer, or with no address, is an error.
func (c *Sandbox) ClientConnectsTo(ctx context.Context, r Request) (string, error) {
	if r.Client != "" && r.Client != Local {
		return FrontDoor, nil
	}
	name := cmp.Or(r.Host, usualHost)
	c.mu.Lock()
	address, known := c.clientHosts[name]
	server := c.clientDNS
	c.mu.Unlock()
	if !known && server == "" {
		return FrontDoor, nil
	}
	if !known {
		var found agentapi.LookedUp
		spec := agentapi.LookUpSpec{Server: server, Name: name, From: visitorNet + "1", Limit: lookUpWithin}
		if err := c.call(ctx, "LookUp", spec, &found); err != nil {
			return "", fmt.Errorf("looking up where the visitor connects to: %w", err)
		}
		address = found.Address
		c.Note("visitor", "is told by %s that %s is at %s", server, name, address)
	}
	return net.JoinHostPort(address, gatewayPort), nil
}
