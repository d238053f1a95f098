package nginxconf

import (
	"slices"
	"strings"
)

// Upgrades reports whether the route passes on requests for websockets.
// https://nginx.org/en/docs/http/websocket.html
func (route Route) Upgrades() bool {
	for _, d := range Effective(route.Location, "proxy_set_header") {
		if strings.EqualFold(d.arg(0), "Upgrade") && d.arg(1) != "" {
			return true
		}
	}
	return false
}

// Directives are those of one of these names that a request of that path meets on its way: where it comes in, and where it is passed on.
func (route Route) Directives(path string, names ...string) []*Directive {
	blocks := []*Directive{route.Location}
	if route.Server != nil && !route.Stream {
		blocks = append(blocks, Locate(route.Server, path))
	}
	var all []*Directive
	for _, block := range blocks {
		for _, name := range names {
			for _, d := range Effective(block, name) {
				if !slices.Contains(all, d) {
					all = append(all, d)
				}
			}
		}
	}
	return all
}

// ZoneOf is the directive that defines the zone of a limit_req or a limit_conn; nil where there is none.
func (c *Config) ZoneOf(limit *Directive) *Directive {
	name := ""
	if limit.Name == "limit_conn" {
		name = limit.arg(0)
	}
	for _, a := range limit.Args {
		if zone, ok := strings.CutPrefix(a, "zone="); ok {
			name = zone
		}
	}
	for _, d := range c.Find(limit.Name + "_zone") {
		for _, a := range d.Args {
			if zone, ok := strings.CutPrefix(a, "zone="); ok && name == strings.SplitN(zone, ":", 2)[0] {
				return d
			}
		}
	}
	return nil
}
