package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// Kept is a config that runs with one upstream broken, to be tried by hand.
type Kept struct {
	Route audit.Route
	Fault audit.FaultInfo
	// Outcomes are what clients got who asked one after the other while it was broken, tried out before.
	Outcomes []audit.Outcome
	// Refusal are the gateway's words when it does not start under the fault.
	Refusal []gateway.LogRecord

	after  audit.Outcome // what the first one gets after it was mended
	m      *cellRun
	failed chan error
}

// trials is how often a broken route is asked before somebody tries it by hand.
const trials = 5

// Keep breaks one route in one way, sees what comes of it, and mends it again. [Kept.Break] breaks it once more. The ids are
// exact.
func Keep(ctx context.Context, o Options, routeID, faultID string) (*Kept, error) {
	o.defaults()
	o.FaultList = pickFaults(o.FaultList, []string{faultID})
	if len(o.FaultList) != 1 {
		return nil, fmt.Errorf("there is no fault %q", faultID)
	}
	s := &session{o: o, report: &audit.Report{}}
	k, err := s.keep(ctx, routeID)
	if err != nil {
		s.close()
		return nil, err
	}
	if err := k.tryOut(ctx); err != nil {
		k.Close()
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
	if r.request.udp {
		return nil, fmt.Errorf("the route %s takes datagrams, which no tunnel carries to it", r.ID)
	}
	if why := notFor(r, f); why != "" {
		return nil, fmt.Errorf("the fault %s makes no sense for the route %s: %s", f.ID, r.ID, why)
	}
	w, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	m := &cellRun{s: s, w: w, r: r, fault: f, method: r.Ask.Method, cell: &audit.Measurement{}, names: s.known()}
	return &Kept{Route: r.Route, Fault: f.FaultInfo, m: m, failed: make(chan error)}, nil
}

// tryOut breaks it, asks several times, and mends it.
func (k *Kept) tryOut(ctx context.Context) error {
	if err := k.fail(ctx); err != nil {
		return err
	}
	for range trials {
		if len(k.Refusal) > 0 {
			return nil
		}
		o, err := k.m.ask(ctx)
		if err != nil {
			return err
		}
		k.Outcomes = append(k.Outcomes, o)
	}
	k.m.behave(nil, nil)
	var err error
	if k.after, err = k.m.ask(ctx); err != nil || good(k.after, k.m.healthy) {
		return err
	}
	return k.m.recover(ctx)
}

// fail begins anew, sees it well, and makes the fault.
func (k *Kept) fail(ctx context.Context) (err error) {
	m := k.m
	if err := m.s.freshly(ctx, m.w, job{route: m.r}, m.names); err != nil {
		return err
	}
	m.behave(nil, nil)
	if m.fault.Kind == audit.Reuse {
		m.behave(m.onReuse(), nil)
	}
	if m.healthy, err = m.ask(ctx); err != nil {
		return err
	}
	if ill := m.unhealthy(); ill != "" {
		return errors.New(ill)
	}
	keys := m.r.keys
	switch m.fault.Kind {
	case audit.Reuse:
		return nil
	case audit.NameGone:
		err := m.startWithoutNames(ctx)
		var refused *lab.ConfigError
		if errors.As(err, &refused) {
			k.Refusal = refused.Lines
			return nil
		}
		return err
	case audit.NameMoved:
		return m.moveNames(ctx)
	case audit.OnePeer, audit.OneSilent:
		keys = keys[:1]
	}
	return m.w.SetBehaviour(ctx, append(m.broken(keys), m.r.beside...), nil)
}

// Inject breaks it, and lets the clock go on as the machine's does.
func (k *Kept) Inject(ctx context.Context) error {
	if err := k.fail(ctx); err != nil {
		return err
	}
	return k.m.w.Run(ctx)
}

// Mend makes all upstreams and names well, and starts a gateway that did not start.
func (k *Kept) Remedy(ctx context.Context) error {
	if err := k.m.w.SetBehaviour(ctx, k.m.r.beside, nil); err != nil || len(k.Refusal) == 0 {
		return err
	}
	return k.m.s.start(ctx, k.m.w, k.m.names)
}

// Dial is a connection to where the route's clients connect to.
func (k *Kept) Dial(ctx context.Context) (net.Conn, error) { return k.m.w.Tunnel(ctx, k.m.r.Ask.To) }

// Listens reports whether the gateway takes connections there.
func (k *Kept) Listens(ctx context.Context) (bool, error) {
	if strings.HasPrefix(k.m.r.Ask.To, "unix:") {
		return true, nil
	}
	return k.m.w.Listens(ctx, k.m.r.Ask.To)
}

// Pass moves the clock, and reports whether it could: only while all waits for something to happen.
func (k *Kept) Pass(ctx context.Context, d time.Duration) (bool, error) {
	if !k.Clocked() {
		return false, nil
	}
	if rests, err := k.m.w.Resting(ctx); err != nil || !rests {
		return false, err
	}
	return true, k.m.w.Wait(ctx, d)
}

// Clocked reports whether its time can be moved.
func (k *Kept) Clocked() bool { return k.m.w.Clocked() }

// FollowLogs writes what the gateway logs, as it comes.
func (k *Kept) FollowLogs(ctx context.Context, to io.Writer) error { return k.m.w.FollowLogs(ctx, to) }

// Failed never tells of anything: what is broken here stays so by itself.
func (k *Kept) Failed() <-chan error { return k.failed }

// Gone is closed when the lab has ended.
func (k *Kept) Gone() <-chan struct{} { return k.m.s.lab.Gone() }

// Close ends the lab.
func (k *Kept) Close() {
	_ = k.m.w.Close() // the lab ends it at the latest
	k.m.s.close()
}

// Ask is the request that gets to the route, as curl makes it of the local address at which it is listened for.
func (k *Kept) Ask(local string) string {
	a := k.m.r.Ask
	switch a.Method {
	case "TCP":
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
	for _, n := range slices.Sorted(maps.Keys(a.Header)) {
		words = append(words, "-H", n+": "+a.Header[n])
	}
	words = append(words, fmt.Sprintf("%s://%s/%s", scheme, host, uri))
	for i, word := range words {
		words[i] = shellWord(word)
	}
	return strings.Join(words, " ")
}

// shellWord is a word as a shell takes it: names and addresses are the config's, and what is printed is copied to be run.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// Expected are the outcomes as a client is told of them: what the first one gets, and, where the others do not get the same, what
// they get.
func (k *Kept) Expected() (first scenario.Expectation, then *scenario.Sequel) {
	if len(k.Outcomes) == 0 {
		return scenario.Expectation{NoAnswer: "refused"}, nil
	}
	all := make([]scenario.Expectation, len(k.Outcomes))
	for i, o := range k.Outcomes {
		all[i] = expectation(o)
	}
	last := len(all)
	for last > 1 && same(all[last-2], all[last-1]) {
		last--
	}
	if last > 1 {
		then = &scenario.Sequel{Each: all[1:last], Why: fmt.Sprintf("so it was for %d who asked at once one after the other", trials)}
	}
	return all[0], then
}

// Recovered is the same for after it was mended.
func (k *Kept) Recovered() (first scenario.Expectation, then *scenario.Sequel) {
	well := scenario.Expectation{Status: k.Route.Healthy.Status}
	switch {
	case len(k.Refusal) > 0, good(k.after, k.m.healthy):
		return well, nil
	case k.m.cell.NotRecovered:
		return expectation(k.after), nil
	}
	return expectation(k.after), &scenario.Sequel{
		Each: []scenario.Expectation{well}, From: k.m.cell.ErrorsFor, Why: "until then the gateway goes by what it has found before",
	}
}

func same(a, b scenario.Expectation) bool {
	return a.Status == b.Status && a.NoAnswer == b.NoAnswer && a.Cut == b.Cut && a.After == b.After && slices.Equal(a.Log, b.Log)
}

func expectation(o audit.Outcome) scenario.Expectation {
	e := scenario.Expectation{Status: o.Status, NoAnswer: o.NoAnswer, Cut: o.Cut}
	if o.Waited >= time.Second {
		e.After = o.Waited.Round(time.Second / 10)
	}
	for _, l := range o.Log {
		e.Log = append(e.Log, scenario.LogLine{Level: l.Level, Text: l.Message, Errno: l.Errno, Phase: l.Phase})
	}
	return e
}
