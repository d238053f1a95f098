package measure

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/check"
)

// Kept is a config that runs with one upstream broken, to be tried by hand.
type Kept struct {
	Route check.Route
	Fault check.FaultInfo
	s     *session
	w     *harness.World
	r     *route
}

// Keep breaks one route in one way and leaves it so. The ids are exact.
func Keep(ctx context.Context, o Options, routeID, faultID string) (*Kept, error) {
	o.defaults()
	o.FaultList = pickFaults(o.FaultList, []string{faultID})
	if len(o.FaultList) != 1 {
		return nil, fmt.Errorf("there is no fault %q", faultID)
	}
	s := &session{o: o, report: &check.Report{}}
	k, err := s.keep(ctx, routeID)
	if err != nil {
		s.close()
		return nil, err
	}
	return k, nil
}

func (s *session) keep(ctx context.Context, routeID string) (*Kept, error) {
	routes, err := s.prepare(ctx)
	if err != nil {
		return nil, err
	}
	some, err := pickRoutes(routes, []string{routeID})
	if err != nil {
		return nil, err
	}
	r, f := some[0], s.o.FaultList[0]
	if !r.Reached {
		return nil, fmt.Errorf("no request gets to the route %s: %s", r.ID, r.Why)
	}
	if why := notFor(r, f); why != "" {
		return nil, fmt.Errorf("the fault %s makes no sense for the route %s: %s", f.ID, r.ID, why)
	}
	w, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	j := job{route: r, fault: f, method: r.Ask.Method}
	if err := s.freshly(ctx, w, j, s.known()); err != nil {
		return nil, err
	}
	m := &cellRun{s: s, w: w, r: r, fault: f, method: j.method, cell: &check.Cell{}, names: s.known()}
	keys := r.keys
	if f.Kind == check.OnePeer || f.Kind == check.OneSilent {
		keys = keys[:1]
	}
	if err := w.Behave(ctx, append(m.broken(keys), r.beside...), nil); err != nil {
		return nil, err
	}
	return &Kept{Route: r.Route, Fault: f.FaultInfo, s: s, w: w, r: r}, nil
}

// Dial is a connection to where the route's visitors connect to.
func (k *Kept) Dial(context.Context) (net.Conn, error) { return k.w.Tunnel(k.r.Ask.To) }

// Ask is the request that gets to the route, as curl makes it of the local address at which it is listened for.
func (k *Kept) Ask(local string) string {
	a := k.r.Ask
	switch a.Method {
	case "TCP", "UDP":
		return "nc " + strings.Replace(local, ":", " ", 1)
	}
	scheme, rest, _ := strings.Cut(a.URL, "://")
	host, uri, _ := strings.Cut(rest, "/")
	words := []string{"curl", "-i"}
	if scheme == "https" {
		words = append(words, "-k")
	}
	if a.Method != "GET" {
		words = append(words, "-X", a.Method)
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, map[string]string{"http": "80", "https": "443"}[scheme]
	}
	words = append(words, "--connect-to", fmt.Sprintf("%s:%s:%s", name, port, local))
	for n, v := range a.Header {
		words = append(words, "-H", fmt.Sprintf("'%s: %s'", n, v))
	}
	return strings.Join(append(words, fmt.Sprintf("'%s://%s/%s'", scheme, host, uri)), " ")
}

// Close ends the lab.
func (k *Kept) Close() {
	k.w.Close()
	k.s.close()
}
