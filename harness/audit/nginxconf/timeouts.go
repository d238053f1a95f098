package nginxconf

import (
	"slices"
	"strings"
	"time"
)

// family is the prefix of the directives that rule a protocol.
func family(protocol string) string {
	switch protocol {
	case "http", "https":
		return "proxy"
	case "grpcs":
		return "grpc"
	case "suwsgi":
		return "uwsgi"
	}
	return protocol
}

// Defaults of nginx's own, the same for every protocol of http{}.
// https://nginx.org/en/docs/http/ngx_http_proxy_module.html, https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html
const (
	defaultWait   = 60 * time.Second
	defaultStream = 10 * time.Minute
)

// Timeouts gives the time-outs in effect for a route, nginx's defaults included. A stream has one time-out between two reads
// or writes: it stands under Send and under Read.
func (route Route) Timeouts() Timeouts {
	block := route.Location
	if route.Target.Pass != nil {
		block = route.Target.Pass.Parent
	}
	if route.Stream {
		t := Timeouts{
			Connect:      timeOf(block, "proxy_connect_timeout", defaultWait),
			Read:         timeOf(block, "proxy_timeout", defaultStream),
			NextUpstream: timeOf(block, "proxy_next_upstream_timeout", 0),
		}
		t.Send = t.Read
		return t
	}
	f := family(route.Target.Protocol)
	return Timeouts{
		Connect:      timeOf(block, f+"_connect_timeout", defaultWait),
		Send:         timeOf(block, f+"_send_timeout", defaultWait),
		Read:         timeOf(block, f+"_read_timeout", defaultWait),
		NextUpstream: timeOf(block, f+"_next_upstream_timeout", 0),
	}
}

func timeOf(block *Directive, name string, otherwise time.Duration) time.Duration {
	if d := effective(block, name); d != nil {
		if t, err := Duration(d.arg(0)); err == nil {
			return t
		}
	}
	return otherwise
}

// timed are directives of time whose name does not end in "_timeout".
var timed = map[string]bool{
	"lingering_time": true, "proxy_cache_lock_age": true, "fastcgi_cache_lock_age": true, "uwsgi_cache_lock_age": true,
	"scgi_cache_lock_age": true, "auth_delay": true, "keepalive_time": true,
}

// Durations are all the times that the config names in directives of time, and nginx's defaults that apply: where a
// client's wait can end. They are sorted, each once.
func (c *Config) Durations() []time.Duration {
	found := map[time.Duration]bool{}
	add := func(text string) {
		if t, err := Duration(text); err == nil && t > 0 {
			found[t] = true
		}
	}
	walk(c.Main, func(d *Directive) bool {
		switch {
		case strings.HasSuffix(d.Name, "_timeout"), timed[d.Name]:
			for _, a := range d.Args { // keepalive_timeout has two, the second may be "timeout=time"
				add(strings.TrimPrefix(a, "timeout="))
			}
		case d.Name == "server" && d.Block == nil, d.Name == "resolver", d.Name == "health_check":
			for _, a := range d.Args {
				for _, key := range []string{"fail_timeout=", "slow_start=", "valid=", "interval="} {
					if value, ok := strings.CutPrefix(a, key); ok {
						add(value)
					}
				}
			}
		}
		return d.Name != "map" && d.Name != "geo" && d.Name != "types"
	})
	defaults := []time.Duration{
		defaultWait,      // to connect, to send and to read; the client's header and body
		10 * time.Second, // fail_timeout
		30 * time.Second, // resolver_timeout, lingering_time
		5 * time.Second,  // lingering_timeout, proxy_cache_lock_timeout
		75 * time.Second, // keepalive_timeout of clients
	}
	for _, d := range defaults {
		found[d] = true
	}
	for _, d := range c.Main {
		if d.Name == "stream" {
			found[defaultStream] = true
		}
	}
	out := make([]time.Duration, 0, len(found))
	for d := range found {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}
