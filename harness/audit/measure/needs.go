package measure

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// lacks says why a route does not have what a fault needs; empty when it has, or when that is not known.
func (r *route) lacks(need audit.Need) string {
	switch auth := r.Role == nginxconf.Auth; {
	case need == audit.NeedsAuth && !auth:
		return "the upstream is not asked for leave"
	case need == audit.NeedsContent && auth:
		return "the upstream is asked for leave, and gives no page"
	case need == audit.NeedsContent && (r.Role == nginxconf.Mirror || r.Role == nginxconf.After):
		return "nobody sees what the upstream answers here"
	}
	calls := r.ownCalls()
	if len(calls) == 0 {
		return ""
	}
	spoken := func(protocol string) bool {
		return slices.ContainsFunc(calls, func(c audit.Call) bool { return c.Protocol == protocol })
	}
	switch need {
	case audit.NeedsHTTP10, audit.NeedsHTTP11:
		if !spoken(string(need)) {
			return "the upstream is asked in " + strings.ToUpper(calls[0].Protocol)
		}
	case audit.NeedsKept:
		if !slices.ContainsFunc(calls, func(c audit.Call) bool { return !c.Close }) {
			return notKept
		}
	case audit.NeedsOddHost:
		if !slices.ContainsFunc(calls, func(c audit.Call) bool { return r.isOddHost(c.Host) }) {
			return fmt.Sprintf("the Host that is sent, %q, is no upstream block's name and has no underscore", calls[0].Host)
		}
	}
	return ""
}

// notKept is why nothing can happen to a kept connection.
const notKept = "connections to the upstream are not kept"

// ownCalls are the calls to the route's own upstreams while all was well.
func (r *route) ownCalls() (own []audit.Call) {
	keys := allAddresses(r.keys)
	for _, c := range r.Healthy.Calls {
		if slices.Contains(keys, canonicalKey(c.Endpoint)) {
			own = append(own, c)
		}
	}
	return own
}

// isOddHost reports whether a Host is one that applications refuse though nothing is wrong with the visitor's: the name of the
// upstream block, of which they know nothing, or one with an underscore, which no host name may have (RFC 1123, 2.1).
func (r *route) isOddHost(sent string) bool {
	host, _, err := net.SplitHostPort(sent)
	if err != nil {
		host = sent
	}
	return strings.Contains(host, "_") || r.Upstream != "" && host == r.Upstream && !slices.Contains(r.conf.Names, host)
}
