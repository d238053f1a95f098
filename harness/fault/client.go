package fault

import "context"

// ClientHosts gives the visitors a hosts file, which leads those who ask for a name to an address, whatever DNS says.
type ClientHosts struct {
	Addresses map[string]string // by name; each is one of the sandbox's (see lab.Gateway.Hosts)
}

// Inject writes the file, on the machine of all visitors who have no name of their own.
func (f ClientHosts) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.SetClientHosts(ctx, f.Addresses))
}

func (f ClientHosts) String() string { return "the visitor has a hosts file of his own" }

// ClientDNS has the visitors ask a DNS server where a name is, at each request: that of their router or provider, which keeps what it was told.
type ClientDNS struct {
	Server string // the address of an upstream of the sandbox: "203.0.113.53:53"
}

// Inject lets all visitors who have no name of their own ask there.
func (f ClientDNS) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.SetClientDNS(ctx, f.Server))
}

func (f ClientDNS) String() string { return "the visitor asks the DNS server " + f.Server }
