package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/gateway"
)

// A VersionNote is a known change of nginx's behaviour that touches the config, documented and not measured.
type VersionNote struct {
	Since string `json:"since"` // the version that brought it: "1.25.1"
	Text  string `json:"text"`
	// Places are the directives that it is about.
	Places []nginxconf.Place `json:"places"`
	Source string            `json:"source"`
	// Undone is true in a comparison with a newer gateway, where it is taken back.
	Undone bool `json:"undone,omitempty"`
}

// documented are the notes on what changed between the gateways of two reports.
func documented(old, new *Report) []VersionNote {
	before, okBefore := nginxVersion(old)
	after, okAfter := nginxVersion(new)
	if !okBefore || !okAfter || before.Version == after.Version {
		return nil
	}
	undone := after.Before(before.Version)
	if undone {
		before, after = after, before
	}
	var all []VersionNote
	for _, r := range []*Report{new, old} {
		for _, n := range r.VersionNotes {
			known := slices.ContainsFunc(all, func(x VersionNote) bool { return x.Since == n.Since && x.Text == n.Text })
			if !known && before.Before(n.Since) && !after.Before(n.Since) {
				n.Undone = undone
				all = append(all, n)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b VersionNote) int {
		switch {
		case (gateway.Build{Version: a.Since}).Before(b.Since):
			return -1
		case (gateway.Build{Version: b.Since}).Before(a.Since):
			return 1
		}
		return 0
	})
	return all
}

// nginxVersion is the version of the nginx in a report's gateway. OpenResty's begins with that of the nginx in it; of other builds it is
// not known how they follow.
func nginxVersion(r *Report) (gateway.Build, bool) {
	name, version, _ := strings.Cut(r.Gateway, "/")
	var n [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &n[0], &n[1], &n[2]); err != nil || name != "nginx" && name != "openresty" {
		return gateway.Build{}, false
	}
	return gateway.Build{Name: r.Gateway, Version: fmt.Sprintf("%d.%d.%d", n[0], n[1], n[2])}, true
}
