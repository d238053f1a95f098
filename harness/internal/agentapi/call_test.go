package agentapi

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// waits is a call that says when it has begun, and waits for the end of its context, of which it says why.
func waits(begun chan<- context.Context, ended chan<- error) Handler {
	return Handle(func(ctx context.Context, _ None) (None, error) {
		begun <- ctx
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return None{}, context.Cause(ctx)
	})
}

var errEnough = errors.New("enough")

func TestCall_EndsInTheAgentWhenItsCallerLeaves(t *testing.T) {
	begun, ended := make(chan context.Context, 1), make(chan error, 1)
	c := served(t, &Server{Calls: map[string]Handler{
		"Wait": waits(begun, ended),
		"Echo": Handle(func(_ context.Context, s string) (string, error) { return s, nil }),
	}})
	for range 3 { // each leaves a line that is of no more use
		ctx, cancel := context.WithCancelCause(t.Context())
		left := make(chan error, 1)
		go func() { left <- c.Call(ctx, "", "Wait", None{}, &None{}) }()
		<-begun
		cancel(errEnough)
		if err := <-left; err != errEnough {
			t.Errorf("the call ends with %v", err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("in the agent it ends with %v", err)
		}
		var said string
		if err := c.Call(t.Context(), "", "Echo", "still there", &said); err != nil || said != "still there" {
			t.Errorf("the next call says %q, %v", said, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	if err := c.Call(ctx, "", "Wait", None{}, &None{}); err != errEnough {
		t.Errorf("a call of one who had left before ends with %v", err)
	}
	if len(begun) != 0 {
		t.Error("a call of one who had left before was begun")
	}
}

func TestCall_CarriesItsDeadline(t *testing.T) {
	begun := make(chan context.Context, 1)
	c := served(t, &Server{Calls: map[string]Handler{
		"Deadline": Handle(func(ctx context.Context, _ None) (None, error) { begun <- ctx; return None{}, nil }),
		"Outlast": Handle(func(ctx context.Context, _ None) (None, error) {
			<-ctx.Done()
			return None{}, context.Cause(ctx)
		}),
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := c.Call(ctx, "", "Deadline", None{}, &None{}); err != nil {
		t.Fatal(err)
	}
	want, _ := ctx.Deadline()
	if got, ok := (<-begun).Deadline(); !ok || got.Before(want.Add(-time.Minute)) || got.After(want.Add(time.Minute)) {
		t.Errorf("in the agent it has to be done by %v, not %v", got, want)
	}
	if err := c.Call(context.Background(), "", "Deadline", None{}, &None{}); err != nil {
		t.Fatal(err)
	}
	if got, ok := (<-begun).Deadline(); ok {
		t.Errorf("whoever waits for ever is taken to wait until %v", got)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := c.Call(ctx, "", "Outlast", None{}, &None{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that takes longer than its caller waits ends with %v", err)
	}
}

func TestCall_EndsWithTheSession(t *testing.T) {
	begun, ended := make(chan context.Context, 1), make(chan error, 1)
	c := served(t, &Server{Calls: map[string]Handler{"Wait": waits(begun, ended)}})
	left := make(chan error, 1)
	go func() { left <- c.Call(t.Context(), "", "Wait", None{}, &None{}) }()
	<-begun
	c.Close()
	if err := <-left; err != ErrGone {
		t.Errorf("the call ends with %v", err)
	}
	if err := <-ended; !errors.Is(err, errLeft) && !errors.Is(err, ErrGone) {
		t.Errorf("in the agent it ends with %v", err)
	}
	if err := c.Call(t.Context(), "", "Wait", None{}, &None{}); err != ErrGone {
		t.Errorf("a call afterwards ends with %v", err)
	}
	if _, err := c.Tunnel(t.Context(), "c1", "192.0.2.80:80"); err != ErrGone {
		t.Errorf("a tunnel afterwards ends with %v", err)
	}
}

// Whoever leaves while a long answer comes keeps nobody else from theirs.
func TestCall_LeavesALongAnswerBehind(t *testing.T) {
	begun := make(chan struct{})
	long := strings.Repeat("x", 2<<20)
	c := served(t, &Server{Calls: map[string]Handler{
		"Long": Handle(func(context.Context, None) (string, error) { close(begun); return long, nil }),
		"Echo": Handle(func(_ context.Context, s string) (string, error) { return s, nil }),
	}})
	l, err := c.line()
	if err != nil {
		t.Fatal(err)
	}
	out, err := encode(request{Call: "Long"}, None{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Write(out); err != nil {
		t.Fatal(err)
	}
	<-begun
	l.abandon()
	for range 3 {
		var got string
		if err := c.Call(t.Context(), "", "Echo", long, &got); err != nil || got != long {
			t.Fatalf("%d bytes came back: %v", len(got), err)
		}
	}
}

func TestCall_ManyAtOnceEachGetTheirOwnAnswer(t *testing.T) {
	c := served(t, &Server{Calls: map[string]Handler{
		"Twice": Handle(func(_ context.Context, n int) (int, error) { return 2 * n, nil }),
		"Wait":  Handle(func(ctx context.Context, n int) (int, error) { <-ctx.Done(); return n, context.Cause(ctx) }),
	}})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 50 {
				if n%10 == i%10 { // some leave in between
					ctx, cancel := context.WithCancel(t.Context())
					go cancel()
					if err := c.Call(ctx, "", "Wait", n, new(int)); !errors.Is(err, context.Canceled) {
						t.Errorf("who has left gets %v", err)
					}
				}
				var got int
				if err := c.Call(t.Context(), "", "Twice", 100*i+n, &got); err != nil || got != 2*(100*i+n) {
					t.Errorf("twice %d is %d: %v", 100*i+n, got, err)
				}
			}
		})
	}
	all.Wait()
	if len(c.idle) > 16 {
		t.Errorf("%d lines for 16 callers", len(c.idle))
	}
}

// What fails in one call leaves the others, and its own line, as they are.
func TestCall_ThatFailsLeavesTheLineAsItIs(t *testing.T) {
	c := served(t, &Server{Calls: map[string]Handler{
		"Panic":    Handle(func(context.Context, None) (None, error) { panic("a mistake") }),
		"Number":   Handle(func(context.Context, int) (None, error) { return None{}, nil }),
		"Untold":   Handle(func(context.Context, None) (func(), error) { return func() {}, nil }),
		"Mistaken": Handle(func(context.Context, None) (string, error) { return "seven", nil }),
		"Echo":     Handle(func(_ context.Context, s string) (string, error) { return s, nil }),
	}})
	for name, says := range map[string]string{
		"Panic": "a bug in the lab's program: a mistake", "Number": "reading what Number is to do", "Unheard": `knows no call "Unheard"`,
		"Untold": "unsupported type", "Mistaken": "reading the lab's answer to Mistaken",
	} {
		if err := c.Call(t.Context(), "", name, None{}, new(int)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
		var said string
		if err := c.Call(t.Context(), "", "Echo", "still there", &said); err != nil || said != "still there" {
			t.Errorf("after %s: %q, %v", name, said, err)
		}
	}
	if err := c.Call(t.Context(), "", "Echo", func() {}, new(string)); err == nil || errors.Is(err, ErrGone) {
		t.Errorf("what can't be told is %v", err)
	}
}

func TestCall_ErrorsAreKnownByTheirCodes(t *testing.T) {
	var fails error
	c := served(t, &Server{Calls: map[string]Handler{
		"Fail": Handle(func(context.Context, None) (None, error) { return None{}, fails }),
	}})
	for _, known := range codes {
		fails = errors.Join(errors.New("closing"), &fs.PathError{Op: "write", Path: "/etc/nginx", Err: known.err})
		err := c.Call(t.Context(), "", "Fail", None{}, &None{})
		if !errors.Is(err, known.err) || err.Error() != fails.Error() {
			t.Errorf("%s: %v", known.name, err)
		}
		for _, other := range codes {
			if other.err != known.err && errors.Is(err, other.err) {
				t.Errorf("%s is %s too", known.name, other.name)
			}
		}
	}
	fails = syscall.ENOSPC
	var no syscall.Errno
	if err := c.Call(t.Context(), "", "Fail", None{}, &None{}); !errors.As(err, &no) || no != syscall.ENOSPC {
		t.Errorf("the errno of %v is %v", err, no)
	}
	fails = syscall.ENOENT
	if err := c.Call(t.Context(), "", "Fail", None{}, &None{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is missing is %v", err)
	}
	fails = Errorf(ErrNoSandbox, "sandbox c1 is closed")
	if err := c.Call(t.Context(), "", "Fail", None{}, &None{}); !errors.Is(err, ErrNoSandbox) || err.Error() != "sandbox c1 is closed" {
		t.Errorf("in other words it is %v", err)
	}
	fails = errors.New("out of memory: ENOSPC") // words are no codes
	err := c.Call(t.Context(), "", "Fail", None{}, &None{})
	for _, known := range codes {
		if errors.Is(err, known.err) {
			t.Errorf("%v is %s", err, known.name)
		}
	}
}

func TestOverrun_KnowsWhyAWorldWasEnded(t *testing.T) {
	for _, over := range []error{ErrMultiplied, ErrOutOfMemory} {
		if got := Overrun(ErrorOf(over)); got != over {
			t.Errorf("%v is %v", over, got)
		}
	}
	for _, other := range []error{nil, ErrGone, errors.New("connection refused")} {
		if got := Overrun(other); got != nil {
			t.Errorf("%v is %v", other, got)
		}
	}
}
