package audit

import (
	"slices"
	"strings"
)

// OtherApplication stands in a policy for an application of which no fault is known that only some have.
const OtherApplication = "other"

// anyApplication stands among a fault's servers where no application is without it.
const anyApplication = "any application"

func isAnyApplication(server string) bool { return strings.HasPrefix(server, anyApplication) }

// OfApplication reports whether an application may have the fault, as far as is known: whether none is without it, or it is named among
// its servers. A name is found in capitals or not, and as a part ("node" in "Node.js").
func (f FaultInfo) OfApplication(name string) bool {
	return len(f.Servers) == 0 || name == "" || f.names(name) ||
		slices.ContainsFunc(f.Servers, isAnyApplication)
}

// names reports whether an application is named among the fault's servers. What is shorter than three letters is no name.
func (f FaultInfo) names(application string) bool {
	return len(application) >= 3 && slices.ContainsFunc(f.Servers, func(s string) bool {
		return !isAnyApplication(s) && strings.Contains(strings.ToLower(s), strings.ToLower(application))
	})
}

// applications are all servers that faults name, each once.
func applications(faults []FaultInfo) (all []string) {
	for _, f := range faults {
		for _, s := range f.Servers {
			if !isAnyApplication(s) && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	slices.Sort(all)
	return all
}
