package lab

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A Condition says how far a request has to have come before a fault is injected or the clock is moved. The zero value is
// that the gateway has read it.
type Condition struct {
	kind conditionKind
	at   string // an upstream's name, or a path
}

type conditionKind int

const (
	atGateway conditionKind = iota
	requestAt
	connectionAt
	answerFrom
	opened
)

// RequestAt holds when the upstream of that name has read the request.
func RequestAt(upstream string) Condition { return Condition{requestAt, upstream} }

// ConnectionAt holds when the upstream of that name has the connection, whether it reads from it or not.
func ConnectionAt(upstream string) Condition { return Condition{connectionAt, upstream} }

// AnswerFrom holds when the fake upstream of that name has answered as far as it does. Of a real one only what
// [RequestAt] says is known.
func AnswerFrom(upstream string) Condition { return Condition{answerFrom, upstream} }

// Opened holds when a real upstream has opened that file, such as a script: "/var/www/index.php".
func Opened(path string) Condition { return Condition{opened, path} }

func (c Condition) String() string {
	switch c.kind {
	case requestAt:
		return fmt.Sprintf("%s has the request", c.at)
	case connectionAt:
		return fmt.Sprintf("%s has the connection", c.at)
	case answerFrom:
		return fmt.Sprintf("%s has answered", c.at)
	case opened:
		return fmt.Sprintf("%s is opened", c.at)
	}
	return "the gateway has the request"
}

// A Watch waits for a [Condition] that is to come true after the watch began.
type Watch struct {
	sandbox *Sandbox
	until   Condition
	before  int // how far a fake had come when the watch began
}

// Watch begins to watch for a condition; the request is to be sent afterwards.
func (c *Sandbox) Watch(ctx context.Context, until Condition) (*Watch, error) {
	w := &Watch{sandbox: c, until: until}
	switch until.kind {
	case atGateway:
		return w, nil
	case opened:
		return w, c.call(ctx, "Watch", agentapi.NameRef{Name: until.at}, nil)
	}
	u, err := c.current(until.at)
	if err != nil || u.Real != nil {
		return w, err
	}
	records, err := c.Records(ctx, until.at)
	w.before = until.count(records)
	return w, err
}

// watchAll begins to watch for each of the conditions.
func (c *Sandbox) watchAll(ctx context.Context, until []Condition) ([]*Watch, error) {
	all := make([]*Watch, len(until))
	for i, u := range until {
		var err error
		if all[i], err = c.Watch(ctx, u); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Wait waits until the condition holds, and the gateway has nothing left to do but wait.
func (w *Watch) Wait(ctx context.Context) error {
	c := w.sandbox
	var err error
	switch w.until.kind {
	case atGateway:
		return nil // which StartAsk has waited for
	case opened:
		if err = c.call(ctx, "Opened", agentapi.NameRef{Name: w.until.at}, nil); err == nil {
			err = c.call(ctx, "Idle", agentapi.NameRef{Name: gatewayName}, nil)
		}
	default:
		err = w.atUpstream(ctx)
	}
	if err != nil {
		return fmt.Errorf("waiting until %v: %w", w.until, err)
	}
	c.Note("upstream", "%v", w.until)
	return nil
}

// atUpstream waits until an upstream has what the condition says. A fake tells so itself; of a real one the kernel tells that
// it has read all that was sent to it, or that its queue has it, and a real one in the gateway's container has to be through
// with it.
func (w *Watch) atUpstream(ctx context.Context) error {
	c := w.sandbox
	u, err := c.current(w.until.at)
	if err != nil {
		return err
	}
	spec := agentapi.TakenSpec{Gateway: gatewayName, At: u.Address(), Unread: w.until.kind == connectionAt}
	if u.Fake != nil {
		err = c.call(ctx, "Reached", w.reached(), nil)
	} else {
		err = c.call(ctx, "Taken", spec, nil)
		if err == nil && u.Real.Image == "" && !spec.Unread {
			err = c.idle(ctx, u)
		}
	}
	if err != nil {
		return err
	}
	return c.call(ctx, "Settled", spec, nil)
}

// reached is what a fake upstream has to come to: one more than before.
func (w *Watch) reached() agentapi.ReachedSpec {
	spec := agentapi.ReachedSpec{Name: w.until.at}
	switch w.until.kind {
	case connectionAt:
		spec.Connections = w.before + 1
	case answerFrom:
		spec.Answers = w.before + 1
	default:
		spec.Requests = w.before + 1
	}
	return spec
}

// count is how often a fake upstream has come as far as the condition says.
func (c Condition) count(all []fakeupstream.ConnectionRecord) int {
	switch c.kind {
	case connectionAt:
		return len(all)
	case answerFrom:
		return fakeupstream.Answered(all)
	}
	n := 0
	for _, one := range all {
		n += len(one.Requests)
	}
	return n
}

// idle waits until a real upstream has nothing left to do.
func (c *Sandbox) idle(ctx context.Context, u Upstream) error {
	s, err := c.containerOf(ctx, u)
	if err != nil {
		return err
	}
	return s.client.Call(ctx, c.id, "Idle", agentapi.NameRef{Name: u.Name}, &agentapi.None{})
}

// current is an upstream as it runs, or else as the sandbox was set up with it.
func (c *Sandbox) current(name string) (Upstream, error) {
	if u, runs := c.Running(name); runs {
		return u, nil
	}
	return c.Upstream(name)
}
