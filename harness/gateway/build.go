package gateway

import (
	"fmt"
	"slices"
)

// A Build is which program it is.
type Build struct {
	Name    string // as it names itself: "nginx/1.22.1", "openresty/1.27.1.2", "Apache/2.4.62 (Debian)"
	Version string // the program's own: "1.22.1"
	TLS     string // its TLS library, where it tells: "OpenSSL 3.0.17"
}

// Before reports whether its version is older than another ("1.23.0").
func (b Build) Before(version string) bool {
	var own, other [3]int // what is no number is 0
	_, _ = fmt.Sscanf(b.Version, "%d.%d.%d", &own[0], &own[1], &own[2])
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &other[0], &other[1], &other[2])
	return slices.Compare(own[:], other[:]) < 0
}
