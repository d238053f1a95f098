package scenarios

import (
	"slices"

	"github.com/badgateway/badgateway/harness/scenario"
)

// Why a gateway has no scenario of a fault.
const (
	byChance   = "whether it is a 503 or a 200 that is cut is chance"
	withoutTLS = "it speaks no TLS to an application"
)

// rows are the faults by which gateways are compared, from those of the connection to those of the answer, and by a gateway's name why it
// has no scenario of one. What is broken says the scenario of the first gateway.
var rows = []struct {
	name    string
	missing map[string]string
}{
	{"refused", nil},
	{"rejected", nil},
	{"dropped", nil},
	{"host-off", map[string]string{"varnish": "its connect_timeout, 3.5 s, and the kernel's 3 s go by different clocks in the lab"}},
	{"silent", nil},
	{"slow", nil},
	{"closes", nil},
	{"resets", nil},
	{"body-cut", map[string]string{"varnish": byChance}},
	{"body-stalls", map[string]string{
		"caddy":   "it has no limit on a body that stalls, and waits for as long as the visitor does",
		"varnish": "its limit could not be proven by a clock that goes faster",
	}},
	// It logs readLoopPeekFailLocked where the greeting came before the request was sent.
	{"not-http", map[string]string{"caddy": "it answers 502, and whether its log quotes the greeting is chance"}},
	{"header-too-big", nil},
	{"header-invalid", nil},
	{"two-lengths", nil},
	{"bad-chunk", map[string]string{"varnish": byChance}},
	{"certificate-expired", map[string]string{"lighttpd": withoutTLS, "varnish": withoutTLS}},
	{"certificate-wrong-name", map[string]string{"lighttpd": withoutTLS, "varnish": withoutTLS}},
	{"https-to-http", map[string]string{"lighttpd": withoutTLS, "varnish": withoutTLS}},
	{"name-gone", map[string]string{"lighttpd": "it listens before it looks the name up, and ends then: whether a visitor is refused or reset is chance"}},
	{"pool-one-dead", nil},
	{"pool-all-dead", nil},
	{"own-502", nil},
	{"own-503", nil},
	{"left", map[string]string{"varnish": "it does not notice that the visitor has gone, and logs only when the application ends"}},
}

// Rows are the faults by which the gateways are compared.
func Rows() []scenario.Row {
	var all []scenario.Row
	stated := All()
	for _, r := range rows {
		row := scenario.Row{Name: r.name, Missing: r.missing}
		if i := slices.IndexFunc(stated, func(s scenario.Scenario) bool { return s.Row == r.name }); i >= 0 {
			row.Fault = stated[i].Fault
		}
		all = append(all, row)
	}
	return all
}

// Compared are the gateways that are compared: the names of the drivers of all scenarios that are in a row, in the catalogue's order.
func Compared() []string {
	var all []string
	for _, s := range All() {
		if name := s.Gateway.Driver.Name; s.Row != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
