package measure

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/gateway"
)

// Bounds on the evidence of one answer. A gateway's own lines are no longer than 2 KiB (NGX_MAX_ERROR_STR); what its modules
// and scripts print may be anything.
const (
	maxLine      = 2 << 10
	maxLog       = 16 << 10
	maxCalls     = 100
	maxWord      = 1 << 10
	maxHeaders   = 16 << 10
	maxEvidence  = 32 << 20 // of all measurements together
	minLog       = 1 << 10  // of each measurement beyond that
	minCalls     = 4
	minBody      = 256
	outcomeOwn   = 300 // bytes that an outcome takes in a report without any of these
	callOwn      = 150
	bytesOfOther = 4 // a line has its parts beside it
)

// Bounds on what is looked for and measured. Reports keep all of it.
const (
	maxRoutes       = 10_000
	MaxMeasurements = 12_000
)

// CheckRouteCount refuses a config with more routes than are looked for.
func CheckRouteCount(routes []nginxconf.Route) error {
	if len(routes) <= maxRoutes {
		return nil
	}
	r := audit.Refusal{Kind: "limit", Remedy: "name a smaller part of the config",
		Message: fmt.Sprintf("the config has %d routes, more than %d: this is the first beyond", len(routes), maxRoutes)}
	if pass := routes[maxRoutes].Target.Pass; pass != nil {
		r.Place = pass.Place
	}
	return &provision.Refused{Refusal: r}
}

// checkMeasurementCount refuses a matrix with more measurements than are measured.
func (s *session) checkMeasurementCount(routes []*route) error {
	cells := 0
	for _, r := range routes {
		if !r.Reached || r.SameAs != "" {
			continue
		}
		for _, f := range s.options.FaultList {
			if !f.Visitor || visitorReason(r, f) == "" {
				cells += len(methods(r, f))
			}
		}
		if cells > MaxMeasurements {
			return &provision.Refused{Refusal: audit.Refusal{Kind: "limit", Place: r.Place, Remedy: "look at some of them, with --route and --fault",
				Message: fmt.Sprintf("%d routes with %d faults are more than %d measurements: this is the first route beyond", len(routes), len(s.options.FaultList), MaxMeasurements)}}
		}
	}
	return nil
}

// bound leaves of an answer's evidence what a reader can use, and says how much more there was.
func bound(o *audit.Outcome) {
	boundLog(o, maxLog)
	boundCalls(o, maxCalls)
	boundHeader(o)
}

// boundLog keeps the lines that name an upstream before all others, in their order.
func boundLog(o *audit.Outcome, most int) {
	keep := make([]bool, len(o.Log))
	size := 0
	for _, ofUpstream := range []bool{true, false} {
		for i := range o.Log {
			l := &o.Log[i]
			if (l.Upstream != "") != ofUpstream {
				continue
			}
			cutLine(l)
			if size += len(l.Raw); size > most && slices.Contains(keep, true) {
				break
			}
			keep[i] = true
		}
	}
	var kept []gateway.LogRecord
	for i, l := range o.Log {
		if keep[i] {
			kept = append(kept, l)
		}
	}
	o.LogMore += len(o.Log) - len(kept)
	o.Log = kept
}

func cutLine(l *gateway.LogRecord) {
	for _, text := range []*string{&l.Raw, &l.Message, &l.Request, &l.Upstream, &l.Host, &l.Server, &l.Phase} {
		*text = cut(*text, maxLine)
	}
}

func boundCalls(o *audit.Outcome, most int) {
	if left := len(o.Calls) - most; left > 0 {
		o.Calls, o.CallsMore = slices.Clone(o.Calls[:most]), o.CallsMore+left
	}
	for i := range o.Calls {
		c := &o.Calls[i]
		for _, text := range []*string{&c.Endpoint, &c.SNI, &c.Method, &c.URI, &c.Host} {
			*text = cut(*text, maxWord)
		}
	}
}

// boundHeader keeps the fields of the answer's header as far as they have room, the first by name.
func boundHeader(o *audit.Outcome) {
	names := make([]string, 0, len(o.Header))
	for name := range o.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	kept, size := map[string][]string{}, 0
	for _, name := range names {
		for _, value := range o.Header[name] {
			value = cut(value, maxWord)
			if size += len(name) + len(value); size > maxHeaders {
				break
			}
			kept[cut(name, maxWord)] = append(kept[cut(name, maxWord)], value)
		}
	}
	if o.Header != nil {
		o.Header = kept
	}
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}

// An Allowance is what the evidence of all measurements may take in a report.
type Allowance struct{ spent atomic.Int64 }

// Take counts an outcome, and leaves only a little of it once the allowance is spent.
func (a *Allowance) Take(o *audit.Outcome) {
	size := outcomeOwn + len(o.Body) + callOwn*len(o.Calls)
	for _, l := range o.Log {
		size += bytesOfOther * len(l.Raw) / 2
	}
	if a.spent.Add(int64(size)) <= maxEvidence {
		return
	}
	boundLog(o, minLog)
	boundCalls(o, minCalls)
	o.Body, o.Header = cut(o.Body, minBody), nil
}
