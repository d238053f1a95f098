package nginxconf

import (
	"testing"

	. "github.com/onsi/gomega"
)

// A client is found for each of the shares that lead somewhere, not for half of them.
func TestSplitClients_EachShareHasAClient(t *testing.T) {
	g := NewWithT(t)
	c, err := Read(Map(map[string]string{"nginx.conf": `http { split_clients $remote_addr $to { 25% a; 25% b; 25% c; * d; }
server { listen 80; location / { proxy_pass http://$to; } }
upstream a { server a:80; } upstream b { server b:80; } upstream c { server c:80; } upstream d { server d:80; } }`}), "nginx.conf", "/etc/nginx")
	g.Expect(err).NotTo(HaveOccurred())
	m := &routeFinder{config: c, budget: newBudget(t.Context(), 1)}
	m.vars = c.define(nil, newBudget(t.Context(), 1))
	split := c.Find("split_clients")[0]
	out := m.solveSplit(split, constraint{op: "!=", text: ""}, c.Find("proxy_pass")[0], 0)
	g.Expect(out).To(HaveLen(4))
	all, met := shares(split), map[string]bool{}
	for _, change := range out {
		met[pick(all, change.from).value] = true
	}
	g.Expect(met).To(HaveLen(4))
}
