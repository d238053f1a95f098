package review

import (
	"embed"
	"fmt"

	"github.com/badgateway/badgateway/harness/audit"
)

//go:embed conf
var confs embed.FS

// Rules are all rules, in the order in which one would read them.
func Rules() []audit.Rule {
	var all []audit.Rule
	for _, family := range [][]audit.Rule{healthies, masked, waits, pools, peerRules, recoveries, names, resolvers, pages, errorPages, locations, astray, passed, answers, headers, secrets, connections, auths, logs, listeners, visitors, http3Rules} {
		all = append(all, family...)
	}
	return all
}

// Examples are two configs for a rule, each a whole nginx.conf: one that it finds something in, and one, as near to that
// as can be, in which it must not. Both are empty for a rule that there is not.
func Examples(rule string) (fires, near string) { return example(rule, "fires"), example(rule, "near") }

func example(rule, which string) string {
	b, err := confs.ReadFile(fmt.Sprintf("conf/%s/%s.conf", rule, which))
	if err != nil {
		return ""
	}
	return string(b)
}
