package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A WaitWindow is how long the client is expected to wait, in the gateway's time, and what happens meanwhile.
type WaitWindow struct {
	// After and Until are the earliest and latest that the answer may come. The lab's clock is moved to half a second
	// before After, when the client must still wait, and then to half a second after Until.
	After, Until time.Duration
	// WaitFor is how far the request has to come first; without any, the gateway has read it. Of several conditions, which
	// hold one after the other, each holds for an equal part of After.
	WaitFor []Condition
	// InFlight is called once the first condition holds; nil for nothing.
	InFlight func(context.Context) error
	// Leaves has the client go after After, or without one as soon as the first condition holds, and not wait for the answer. The exchange
	// then has the NoAnswer "left", unless he had the answer before.
	Leaves bool
}

// atMost bounds every wait for an answer that is due, on a machine that may be busy.
const atMost = 30 * time.Second

// How exactly the lab looks at a wait.
const (
	// LookMargin is how far before and after a limit the clock is moved.
	LookMargin = 500 * time.Millisecond
	// AtOnce is how long an answer may take on a slow machine that nothing has to wait for.
	AtOnce = 5 * time.Second
	// TimerSlack is how much a real timer may fire before its time, as the client measures it.
	TimerSlack = 50 * time.Millisecond
)

// Do sends a request to the gateway as a client with an address of its own, once, waits for the answer, and reads what the
// gateway logged of it. No answer is no error: the exchange says how the connection ended. Without options the client connects
// to [FrontDoor] and closes the connection when it has the answer.
//
// A sandbox with a [CatchAll] has [Sandbox.Probe] in its place.
func (c *Sandbox) Do(ctx context.Context, r Request, options ...Option) (Exchange, error) {
	if err := c.refuses("Ask"); err != nil {
		return Exchange{}, err
	}
	m, err := mannerOf(options)
	if err != nil {
		return Exchange{}, err
	}
	if !c.exchange.TryLock() {
		return Exchange{}, ErrBusy
	}
	defer c.exchange.Unlock()
	if m.window != nil {
		return c.askWithin(ctx, r, m)
	}
	spec, err := c.askSpec(ctx, r, m, atMost)
	if err != nil {
		return Exchange{}, err
	}
	var got agentapi.Answer
	c.Note("visitor", "asks %s", r.line())
	if err := c.call(ctx, "Ask", spec, &got); err != nil {
		return Exchange{}, err
	}
	if err := c.awaitLog(ctx, &got); err != nil {
		return Exchange{}, err
	}
	return c.readExchange(spec, r, got), nil
}

// askWithin asks, and moves the clock while the client waits.
func (c *Sandbox) askWithin(ctx context.Context, r Request, m manner) (Exchange, error) {
	p := *m.window
	limit := atMost
	if !c.Moves() {
		limit += c.real(max(p.After, p.Until))
	}
	spec, err := c.askSpec(ctx, r, m, limit)
	if err != nil {
		return Exchange{}, err
	}
	watches, err := c.watchAll(ctx, p.WaitFor)
	if err != nil {
		return Exchange{}, err
	}
	c.Note("visitor", "asks %s", r.line())
	var lacked func() time.Duration
	if c.pace() > 0 {
		lacked = c.lacksProcessor(ctx)
	}
	begun, start := time.Now(), c.ahead()
	if err := c.call(ctx, "StartAsk", spec, nil); err != nil {
		return Exchange{}, err
	}
	if len(watches) > 0 {
		if err := watches[0].Wait(ctx); err != nil {
			return Exchange{}, err
		}
	}
	if p.InFlight != nil {
		if err := p.InFlight(ctx); err != nil {
			return Exchange{}, err
		}
	}
	ready := time.Since(begun)
	ref := agentapi.NameRef{Name: spec.Name}
	var notBefore time.Duration
	if p.After > 0 {
		// All but the last have the request for their share of the time; only then does the next have it.
		for i := 1; i < len(watches); i++ {
			if err := c.Wait(ctx, p.After/time.Duration(len(watches))); err != nil {
				return Exchange{}, err
			}
			if err := watches[i].Wait(ctx); err != nil {
				return Exchange{}, err
			}
		}
		if notBefore, err = c.outlast(ctx, ref, p, begun, start); err != nil {
			return Exchange{}, err
		}
	}
	end := "EndAsk"
	if p.Leaves {
		c.Note("visitor", "leaves")
		end = "LeaveAsk"
	}
	var got agentapi.Answer
	if err := c.call(ctx, end, ref, &got); err != nil {
		return Exchange{}, err
	}
	if err := c.awaitLog(ctx, &got); err != nil {
		return Exchange{}, err
	}
	e := c.readExchange(spec, r, got)
	e.NotBefore, e.Waited = notBefore, c.ahead()-start+e.Real
	if p.After > 0 && c.pace() > 0 {
		e.Waited = c.byClock(e.Real)
		if late := e.Waited - max(p.After, p.Until); late > c.window(p.After) {
			c.noteDelay(late, p.After, c.byClock(ready), c.byClock(lacked()))
		}
	}
	return e, nil
}

// window is how far an answer may be from a limit, by a clock that goes faster. Half a second before it is over too soon, as what the
// machine needs for itself counts many times over: as much as what was waited on the machine's clock is allowed beside it,
// and no more than [AtOnce].
func (c *Sandbox) window(limit time.Duration) time.Duration {
	return 2*LookMargin + min(c.real(limit), AtOnce)
}

// lacksProcessor tells for how long, from now on, a processor was waited for: by what the request passes through, or, which is longer,
// by anything on the machine. HAProxy takes a moment in which it got none for a clock that was set, and waits as much longer, so that
// all such moments count, and not those alone that the kernel lays to its own account.
func (c *Sandbox) lacksProcessor(ctx context.Context) func() time.Duration {
	pressed := func() (d time.Duration) {
		_ = c.call(ctx, "Pressed", agentapi.None{}, &d) // not known is nothing
		return d
	}
	starvedBefore, pressedBefore := c.Starved(), pressed()
	return func() time.Duration { return max(c.Starved()-starvedBefore, pressed()-pressedBefore) }
}

// noteDelay notes that an answer which came that late proves nothing, if it is known why: ready is after how long all was as it has to be
// while the gateway waits, and starved for how long a processor was waited for, both by the gateway's clock.
func (c *Sandbox) noteDelay(late, limit, ready, starved time.Duration) {
	if ready+starved >= late-c.window(limit) {
		c.cameLate("an answer came %.1f s late by the gateway's clock, which went on for %.1f s until the request had come to where it waits, and "+
			"for %.1f s for want of a processor", late.Seconds(), ready.Seconds(), starved.Seconds())
	}
}

// outlast lets time pass until the answer is due, and looks just before whether the client still waits. It tells how
// long he had waited by then for certain. The request was begun when the clock stood at start; what has passed on the
// machine since then counts for a backend, whose clock goes on, and not for the gateway, whose clock stands still. Where the
// gateway's clock goes faster, it counts for all that many times over.
func (c *Sandbox) outlast(ctx context.Context, ref agentapi.NameRef, p WaitWindow, begun time.Time, start time.Duration) (time.Duration, error) {
	waits := func() (still bool, err error) {
		err = c.call(ctx, "Pending", ref, &still)
		return still, err
	}
	passed := func() time.Duration { return c.ahead() - start + c.byClock(time.Since(begun)) }
	before := p.After - c.margin(p.After)
	if still, err := waits(); err != nil || !still {
		return 0, err
	}
	notBefore := max(before, passed())
	if err := c.Wait(ctx, notBefore-passed()); err != nil {
		return 0, err
	}
	still, err := waits()
	if at := passed(); err == nil && !still && at > p.After-TimerSlack && c.Clocked() {
		c.cameLate("a look that was due after %v came after %.1f s, when the answer was due itself", before, at.Seconds())
	}
	if err != nil || !still {
		return 0, err
	}
	if c.Moves() {
		notBefore = c.ahead() - start
	}
	c.Note("visitor", "still waits after %.1f s", notBefore.Seconds())
	if c.Moves() { // otherwise the answer comes by itself
		// The gateway began to wait a little later than the client, so all of this is by the clock.
		if err := c.Wait(ctx, max(p.After, p.Until)+LookMargin-(c.ahead()-start)); err != nil {
			return 0, err
		}
	} else if p.Leaves {
		if err := c.Wait(ctx, p.After-passed()); err != nil {
			return 0, err
		}
	}
	return notBefore, nil
}

// margin is how far before a limit the lab looks.
func (c *Sandbox) margin(limit time.Duration) time.Duration {
	if c.pace() > 1 {
		return c.window(limit) / 2
	}
	return LookMargin
}

// cameLate notes how a look came too late to prove anything.
func (c *Sandbox) cameLate(format string, a ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = fmt.Sprintf(format, a...)
}

func (c *Sandbox) askSpec(ctx context.Context, r Request, m manner, limit time.Duration) (spec agentapi.AskSpec, err error) {
	n, from := c.nextClient()
	switch {
	case m.client != "":
		from = c.addressOf(m.client, from)
	case r.Client == Local:
		from = GatewayAddress
	case r.Client != "":
		from = c.addressOf("named "+r.Client, from)
	}
	r.Host = cmp.Or(r.Host, m.serverName)
	to := m.address()
	if to == FrontDoor && m.to == "" {
		if to, err = c.ClientConnectsTo(ctx, r); err != nil {
			return spec, err
		}
	}
	return agentapi.AskSpec{
		Name: fmt.Sprintf("visitor %d", n), Gateway: gatewayName, Limit: limit,
		From: from, To: to, TLS: m.tls, ServerName: m.serverName, HTTP2: m.http2, Keep: m.client,
		Raw: r.head(m.client != ""), Body: r.Body, Times: r.BodyTimes, Stalls: r.Stalls, Head: r.Method == "HEAD",
	}, nil
}

// usualHost is who a request is for that names nobody.
const usualHost = "example.com"

// line is the request as logs show it: method and path.
func (r Request) line() string { return cmp.Or(r.Method, "GET") + " " + cmp.Or(r.Path, "/") }

// head is the request as it goes over the wire, up to its body. Unless the connection is to be kept, it asks the gateway to close
// that, so that its end tells that the gateway is through.
func (r Request) head(keep bool) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s HTTP/1.1\r\nHost: %s\r\n", r.line(), cmp.Or(r.Host, usualHost))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	if r.Body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body)*max(r.BodyTimes, 1))
	}
	if !keep {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// awaitLog waits for the line of a request where the log is written some time after the client was served. A program beside the gateway
// that writes it begins a moment after the gateway listens, so a request that comes before may have none; a later one without is the sign
// of a machine that is too busy. A client who was refused, or waits still, has none.
func (c *Sandbox) awaitLog(ctx context.Context, got *agentapi.Answer) error {
	ended := got.Status != 0 || got.NoAnswer == "closed" || got.NoAnswer == agentapi.Left
	if c.setup.Gateway.Driver.Logged == nil || !ended {
		return nil
	}
	limit, first := 10*time.Second, !c.asked.Swap(true)
	if first {
		limit = 3 * time.Second
	}
	for deadline := time.Now().Add(limit); !c.setup.Gateway.Driver.Logged(c.gatewayLines(got.Logs)); {
		if time.Now().After(deadline) {
			if !first {
				c.cameLate("no line of the request came into the gateway's log within %v", limit)
			}
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		var news map[string]string
		if err := c.call(ctx, "News", agentapi.None{}, &news); err != nil {
			return err
		}
		for path, text := range news {
			got.Logs[path] += text
		}
	}
	return nil
}

// readExchange puts together what the client got, whom the gateway tried, and what the logs say of his request.
func (c *Sandbox) readExchange(spec agentapi.AskSpec, r Request, got agentapi.Answer) Exchange {
	e := Exchange{
		Visitor: spec.From, Request: r.line(), Status: got.Status, NoAnswer: got.NoAnswer, Header: got.Header,
		Body: got.Body, BodyBytes: got.BodyBytes, Cut: got.Cut, Waited: got.Real, Real: got.Real,
		Reused: got.Reused,
	}
	if e.Status != 0 {
		c.Note("visitor", "gets %d (%d bytes)", e.Status, e.BodyBytes)
	} else {
		c.Note("visitor", "gets no answer: %s", e.NoAnswer)
	}
	for _, l := range c.gatewayLines(got.Logs) {
		c.Note("gateway log", "%s", l.Raw)
		// A line without a client is the gateway's own; what it says at this level concerns every client.
		if l.AtLeast("warn") && (l.Client == spec.From || l.Client == "") {
			e.Log = append(e.Log, l)
		}
		if of := c.setup.Gateway.Driver.NotConnected; of != nil {
			if addr := of(l); addr != "" {
				c.calls.failed(addr)
			}
		}
	}
	for _, t := range got.Attempts.All {
		e.Tries = append(e.Tries, Try{Addr: t.Addr, Kept: t.Kept})
	}
	e.TriesUnknown = got.Attempts.Unknown
	c.calls.called(got.Attempts.Connects)
	for line := range strings.Lines(got.Logs[c.setup.Gateway.Driver.AccessLog]) {
		if strings.HasPrefix(line, spec.From+" ") {
			e.Access = strings.TrimSpace(line)
		}
	}
	e.UpstreamLog = c.upstreamLines(got.Logs)
	return e
}

// gatewayLines are the lines of the gateway's own error logs.
func (c *Sandbox) gatewayLines(logs map[string]string) (all []gateway.LogRecord) {
	for _, path := range c.logs {
		for _, l := range c.setup.Gateway.Driver.Lines(logs[path]) {
			if !c.woken(path, l.Raw) {
				all = append(all, l)
			}
		}
	}
	return all
}

// UpstreamLogs are the lines that the real upstreams logged since the last exchange, or the last look.
func (c *Sandbox) UpstreamLogs(ctx context.Context) ([]string, error) {
	var news map[string]string
	if err := c.call(ctx, "News", agentapi.None{}, &news); err != nil {
		return nil, err
	}
	return c.upstreamLines(news), nil
}

// upstreamLines are the lines of the logs that are not the gateway's own.
func (c *Sandbox) upstreamLines(logs map[string]string) (all []string) {
	for path, text := range logs {
		if path == c.setup.Gateway.Driver.AccessLog || slices.Contains(c.logs, path) {
			continue
		}
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\n")
			if c.woken(path, line) {
				continue
			}
			all = append(all, line)
			c.Note("upstream log", "%s", line)
		}
	}
	return all
}

// woken reports whether a line of a log is there only because the lab woke the program.
func (c *Sandbox) woken(path, line string) bool {
	for _, u := range c.setup.Upstreams {
		if u.logs() == path {
			return u.Real.Woken != nil && u.Real.Woken(line)
		}
	}
	return c.setup.Gateway.Driver.Woken(line)
}
