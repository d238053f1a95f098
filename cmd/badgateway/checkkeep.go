package main

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/scenario/byhand"
)

// anyPort listens where nobody else does.
const anyPort = "127.0.0.1:0"

// keepOne breaks one upstream of the config and keeps it so, to be tried by hand.
func (f *checkFlags) keepOne(c *cobra.Command, o measure.Options) error {
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listening for your request on %s: %w (--listen 127.0.0.1:0 takes any free port)", f.listen, err)
	}
	defer l.Close()
	kept, err := measure.Keep(c.Context(), o, f.routes[0], f.faults[0])
	if err != nil {
		return checkError(err)
	}
	defer kept.Close()
	return checkError(byhand.Try(c.Context(), kept, byhand.Options{
		Listener: l, In: c.InOrStdin(), Out: c.OutOrStdout(), Fast: f.fast, Gone: kept.Gone(),
	}, kept.Texts(f.fast)))
}
