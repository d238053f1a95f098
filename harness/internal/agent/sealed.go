//go:build linux

package agent

import (
	"fmt"
	"net"
)

// sealed is an error where the container can reach more than itself: nothing of a stranger's may run here then.
func sealed() error {
	all, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("looking at the container's network: %w", err)
	}
	for _, i := range all {
		addresses, err := i.Addrs()
		if err != nil {
			return fmt.Errorf("looking at the container's network: %w", err)
		}
		if wayOut(i.Flags, len(addresses)) {
			return fmt.Errorf("the lab is not sealed: the engine has connected its container to a network (%s), though it was told to connect it to none",
				i.Name)
		}
	}
	return nil
}

// wayOut reports whether an interface leads out of the container. Those of the kernel's tunnels, which a new network
// namespace has where their modules are loaded, are down and have no address.
func wayOut(flags net.Flags, addresses int) bool {
	return flags&net.FlagLoopback == 0 && (flags&net.FlagUp != 0 || addresses > 0)
}
