package scenarios

import (
	"slices"
	"testing"
)

// Of each fault there is one scenario on each gateway, or a reason why there is none.
func TestRows_HaveEachGateway(t *testing.T) {
	staged := map[string]map[string][]string{}
	for _, s := range All() {
		if s.Row == "" {
			continue
		}
		if staged[s.Row] == nil {
			staged[s.Row] = map[string][]string{}
		}
		name := s.Gateway.Driver.Name
		staged[s.Row][name] = append(staged[s.Row][name], s.ID)
	}
	known := map[string]bool{}
	for _, r := range Rows() {
		known[r.Name] = true
		if r.Fault == "" {
			t.Errorf("no scenario is in the row %s", r.Name)
		}
		for gateway, why := range r.Missing {
			if why == "" || len(staged[r.Name][gateway]) > 0 || !slices.Contains(Compared(), gateway) {
				t.Errorf("%s on %s: %q is said, and %v stage it", r.Name, gateway, why, staged[r.Name][gateway])
			}
		}
		for _, gateway := range Compared() {
			switch ids := staged[r.Name][gateway]; {
			case len(ids) > 1:
				t.Errorf("%s on %s has several scenarios: %v", r.Name, gateway, ids)
			case len(ids) == 0 && r.Missing[gateway] == "":
				t.Errorf("no scenario stages %s on %s: add one, or say in rows.go why there is none", r.Name, gateway)
			}
		}
	}
	for row := range staged {
		if !known[row] {
			t.Errorf("the row %s is not in rows.go", row)
		}
	}
}
