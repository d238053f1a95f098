package measure

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

// directives are those of one of these names that hold for a request for the route.
func (r *route) directives(names ...string) []*nginxconf.Directive {
	path, _, _ := strings.Cut(r.request.candidate.URI, "?")
	return r.conf.Directives(path, names...)
}

// limits are the directives that bound how many requests or connections are let in on the route.
func (r *route) limits() []*nginxconf.Directive { return r.directives("limit_req", "limit_conn") }

// letIn is how many requests at one moment the narrowest of the limits lets in.
func (r *route) letIn() int {
	least := 0
	for _, d := range r.limits() {
		n := 1 // of a limit_req without a burst
		for _, a := range d.Args {
			text, isBurst := strings.CutPrefix(a, "burst=")
			if v, err := strconv.Atoi(text); err == nil && (isBurst || d.Name == "limit_conn") {
				n = v
				if isBurst {
					n++
				}
			}
		}
		if least == 0 || n < least {
			least = n
		}
	}
	return max(least, 1)
}

// refill is how long it takes until each of the route's limits lets one more request in.
func (s *session) refill(r *route) time.Duration {
	longest := time.Second
	for _, d := range r.limits() {
		if zone := s.config.ZoneOf(d); zone != nil {
			longest = max(longest, interval(zone))
		}
	}
	return longest
}

// interval is the time between two requests at the rate of a limit_req_zone; 0 where it has none.
func interval(zone *nginxconf.Directive) time.Duration {
	for _, a := range zone.Args {
		rate, ok := strings.CutPrefix(a, "rate=")
		if !ok {
			continue
		}
		per := 1
		if number, minutes := strings.CutSuffix(rate, "r/m"); minutes {
			rate, per = number, 60
		}
		// nginx counts in thousandths of a request a second, and drops what is less.
		if n, err := strconv.Atoi(strings.TrimSuffix(rate, "r/s")); err == nil && n*1000/per > 0 {
			return 1000*time.Second/time.Duration(n*1000/per) + 100*time.Millisecond
		}
	}
	return 0
}

// isLimited reports whether an answer is the gateway's own word that there were too many requests. It logs that, unless its
// log is set too high: then no upstream was called, and the status is the one that the limit has.
// https://nginx.org/en/docs/http/ngx_http_limit_req_module.html
func (r *route) isLimited(a lab.ProbeAnswer, o audit.Outcome) bool {
	if len(r.limits()) == 0 {
		return false
	}
	said := func(text string) bool {
		return strings.Contains(text, "limiting requests") || strings.Contains(text, "limiting connections")
	}
	for _, text := range a.Logs {
		if said(text) {
			return true
		}
	}
	return slices.ContainsFunc(a.Events.Syslog, said) || len(o.Calls)+len(o.Log) == 0 && slices.Contains(r.limitStatuses(), o.Status)
}

// limitStatuses are the statuses of what the route's limits refuse.
func (r *route) limitStatuses() []int {
	all := []int{503} // Service Unavailable
	for _, d := range r.directives("limit_req_status", "limit_conn_status") {
		if n, err := strconv.Atoi(lastArg(d)); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// probe asks as one of many clients would who come so seldom that no limit on their number is met: where one is, it waits until that lets
// the next one in. It tells for how long.
func (s *session) probe(ctx context.Context, sb *lab.Sandbox, r *route, spec lab.ProbeSpec, names addressNames) (lab.ProbeAnswer, time.Duration, error) {
	answer, err := sb.Probe(ctx, spec)
	if err != nil || answer.Killed != nil || !r.isLimited(answer, r.outcome(answer, names)) {
		return answer, 0, err
	}
	wait := s.refill(r)
	if err := sb.Wait(ctx, wait); err != nil {
		return answer, 0, err
	}
	spec.Behaviour = nil
	answer, err = sb.Probe(ctx, spec)
	return answer, wait, err
}
