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
