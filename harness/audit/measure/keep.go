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
	"github.com/badgateway/badgateway/harness/scenario/byhand"
)

// Kept is a config that runs with one upstream broken, to be tried by hand.
type Kept struct {
	Route audit.Route
	Fault audit.FaultInfo
	// Outcomes are what clients got who asked one after the other while it was broken, tried out before.
	Outcomes []audit.Outcome
	// Refusal are the gateway's words when it does not start under the fault.
	Refusal []gateway.LogRecord

	afterRemedy audit.Outcome // what the first one gets after the remedy
	m           *measurement
	failed      chan error
}

// keptRequests is how often a broken route is asked before somebody tries it by hand.
const keptRequests = 5

// Keep breaks one route in one way, sees what comes of it, and undoes it. [Kept.Inject] breaks it once more. The ids are
// exact.
func Keep(ctx context.Context, o Options, routeID, faultID string) (*Kept, error) {
	o.defaults()
	o.FaultList = pickFaults(o.FaultList, []string{faultID})
	if len(o.FaultList) != 1 {
		return nil, fmt.Errorf("there is no fault %q", faultID)
	}
	s := &session{options: o, report: &audit.Report{}}
	k, err := s.keep(ctx, routeID)
	if err != nil {
		s.close()
		return nil, err
	}
	if err := k.rehearse(ctx); err != nil {
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
	r, f := some[0], s.options.FaultList[0]
	if !r.Reached {
		return nil, fmt.Errorf("no request gets to the route %s: %s", r.ID, r.Why)
	}
	if r.request.udp {
		return nil, fmt.Errorf("the route %s takes datagrams, which no tunnel carries to it", r.ID)
	}
	if f.Visitor {
		return nil, fmt.Errorf("the fault %s is what a visitor does, and nothing is broken by it that could be kept so", f.ID)
	}
	if why := inapplicableReason(r, f); why != "" {
		return nil, fmt.Errorf("the fault %s makes no sense for the route %s: %s", f.ID, r.ID, why)
	}
	sb, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	m := &measurement{session: s, sandbox: sb, route: r, fault: f, method: r.Ask.Method, result: &audit.Measurement{}, names: s.knownNames()}
	return &Kept{Route: r.Route, Fault: f.FaultInfo, m: m, failed: make(chan error)}, nil
}

// rehearse breaks it, asks several times, and undoes it.
func (k *Kept) rehearse(ctx context.Context) error {
	if err := k.injectFault(ctx); err != nil {
		return err
	}
	for range keptRequests {
		if len(k.Refusal) > 0 {
			return nil
		}
		o, err := k.m.ask(ctx)
		if err != nil {
			return err
		}
		k.Outcomes = append(k.Outcomes, o)
	}
	k.m.setWell()
	var err error
	if k.afterRemedy, err = k.m.ask(ctx); err != nil || asHealthy(k.afterRemedy, k.m.healthy) {
		return err
	}
	return k.m.recover(ctx)
}

// injectFault begins anew, sees it healthy, and makes the fault.
func (k *Kept) injectFault(ctx context.Context) (err error) {
	m := k.m
	if err := m.session.restartHealthy(ctx, m.sandbox, job{route: m.route}, m.names); err != nil {
		return err
	}
	m.setWell()
	if m.fault.Kind == audit.Reuse {
		m.setBehaviour(m.reuseBehaviours(1), nil)
	}
	if m.healthy, err = m.ask(ctx); err != nil {
		return err
	}
	if reason := m.unhealthyReason(); reason != "" {
		return errors.New(reason)
	}
	keys := m.route.keys
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
	case audit.OneOfName:
		return m.startWithBoth(ctx)
	case audit.OnePeer, audit.OneSilent:
		keys = keys[:1]
	}
	return m.sandbox.SetBehaviour(ctx, append(m.brokenBehaviours(keys), m.route.otherBehaviours...), nil)
}

// Inject breaks it, and lets the clock go on as the machine's does.
func (k *Kept) Inject(ctx context.Context) error {
	if err := k.injectFault(ctx); err != nil {
		return err
	}
	return k.m.sandbox.Run(ctx)
}

// Remedy makes all upstreams and names healthy, and starts a gateway that did not start.
func (k *Kept) Remedy(ctx context.Context) error {
	if err := k.m.sandbox.SetBehaviour(ctx, k.m.route.otherBehaviours, nil); err != nil || len(k.Refusal) == 0 {
		return err
	}
	return k.m.session.start(ctx, k.m.sandbox, k.m.names)
}

// Dial is a connection to where the route's clients connect to.
func (k *Kept) Dial(ctx context.Context) (net.Conn, error) {
	return k.m.sandbox.Tunnel(ctx, k.m.route.Ask.To)
}

// Listens reports whether the gateway takes connections there.
func (k *Kept) Listens(ctx context.Context) (bool, error) {
	if strings.HasPrefix(k.m.route.Ask.To, "unix:") {
		return true, nil
	}
	return k.m.sandbox.Listens(ctx, k.m.route.Ask.To)
}

// Pass moves the clock, and reports whether it could: only while all waits for something to happen.
func (k *Kept) Pass(ctx context.Context, d time.Duration) (bool, error) {
	if !k.Clocked() {
		return false, nil
	}
	if rests, err := k.m.sandbox.Resting(ctx); err != nil || !rests {
		return false, err
	}
	return true, k.m.sandbox.Wait(ctx, d)
}

// Clocked reports whether its time can be moved.
func (k *Kept) Clocked() bool { return k.m.sandbox.Clocked() }

// FollowLogs writes what the gateway logs, as it comes.
func (k *Kept) FollowLogs(ctx context.Context, to io.Writer) error {
	return k.m.sandbox.FollowLogs(ctx, to)
}

// Texts are what is told of it to somebody who tries it by hand.
func (k *Kept) Texts(fast bool) byhand.Texts {
	expect, then := k.Expected()
	recovered, later := k.Recovered()
	return byhand.Texts{
		Broken: func(address string) string {
			return byhand.Claim{
				Where: k.Route.ID, Broken: k.Fault.Claim, Command: k.Ask(address), Expect: expect, Then: then,
				Refusal: k.Refusal, Clocked: k.Clocked(), Fast: fast,
			}.String()
		},
		Remedied: func(string) string { return byhand.RemediedText("the upstreams are well again", "", recovered, later) },
	}
}

// Failed never reports anything: what is broken here stays so by itself.
func (k *Kept) Failed() <-chan error { return k.failed }

// Gone is closed when the lab has ended.
func (k *Kept) Gone() <-chan struct{} { return k.m.session.lab.Gone() }

// Close ends the lab.
func (k *Kept) Close() {
	_ = k.m.sandbox.Close() // the lab ends it at the latest
	k.m.session.close()
}

// Ask is the request that gets to the route, as curl makes it of the local address at which it is listened for.
func (k *Kept) Ask(local string) string {
	a := k.m.route.Ask
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

// Expected are the outcomes as they are told to a client: what the first one gets, and, where the others do not get the same, what
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
		then = &scenario.Sequel{Each: all[1:last], Why: fmt.Sprintf("so it was for %d who asked at once one after the other", keptRequests)}
	}
	return all[0], then
}

// Recovered is the same for after the remedy.
func (k *Kept) Recovered() (first scenario.Expectation, then *scenario.Sequel) {
	well := scenario.Expectation{Status: k.Route.Healthy.Status}
	switch {
	case len(k.Refusal) > 0, asHealthy(k.afterRemedy, k.m.healthy):
		return well, nil
	case k.m.result.NotRecovered:
		return expectation(k.afterRemedy), nil
	}
	return expectation(k.afterRemedy), &scenario.Sequel{
		Each: []scenario.Expectation{well}, From: k.m.result.ErrorsFor, Why: "until then the gateway goes by what it has found before",
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
