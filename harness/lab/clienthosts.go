package lab

import (
	"cmp"
	"context"
	"maps"
	"net"
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

// ClientConnectsTo is where a client connects to who asks for that without options: [FrontDoor], unless his hosts file says otherwise.
func (c *Sandbox) ClientConnectsTo(r Request) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	address, known := c.clientHosts[cmp.Or(r.Host, usualHost)]
	if !known || r.Client != "" && r.Client != Local {
		return FrontDoor
	}
	return net.JoinHostPort(address, gatewayPort)
}
