package byhand

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// fakeTarget is a gateway of the test's own.
type fakeTarget struct {
	gateway   net.Listener
	down      atomic.Bool
	passed    atomic.Int64
	onAdvance func(time.Duration) // gets the time that passes
}

func (p *fakeTarget) Inject(context.Context) error { return nil }
func (p *fakeTarget) Remedy(context.Context) error {
	p.down.Store(false)
	return nil
}
func (p *fakeTarget) Listens(context.Context) (bool, error) { return !p.down.Load(), nil }
func (p *fakeTarget) Dial(context.Context) (net.Conn, error) {
	if p.down.Load() {
		return nil, errors.New("refused")
	}
	return net.Dial("tcp", p.gateway.Addr().String())
}
func (p *fakeTarget) Pass(_ context.Context, d time.Duration) (bool, error) {
	now := time.Duration(p.passed.Add(int64(d)))
	if p.onAdvance != nil {
		p.onAdvance(now)
	}
	return true, nil
}
func (p *fakeTarget) FollowLogs(ctx context.Context, _ io.Writer) error {
	<-ctx.Done()
	return nil
}
func (p *fakeTarget) Failed() <-chan error { return nil }

func listening(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serving answers each connection of the gateway by f.
func serving(t *testing.T, f func(conn net.Conn)) *fakeTarget {
	t.Helper()
	l := listening(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f(conn)
			}()
		}
	}()
	return &fakeTarget{gateway: l}
}

func dialled(t *testing.T, f *forwarder) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// What a client sends gets to the gateway, its answer gets back, and the end of either is passed on.
func TestForwarder_Forwards(t *testing.T) {
	p := serving(t, func(conn net.Conn) {
		request, _ := io.ReadAll(conn)
		_, _ = io.WriteString(conn, "got "+string(request))
	})
	f := newForwarder(listening(t), p)
	defer f.close()
	conn := dialled(t, f)
	_, _ = io.WriteString(conn, "a request")
	conn.(*net.TCPConn).CloseWrite()
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "got a request" {
		t.Errorf("%q, %v", answer, err)
	}
}

// However quick the lab is, the clock goes no more than fifty times as fast as the machine's, by which programs behind the gateway may wait.
func TestForwarder_LeavesWhatWaitsInRealTimeItsTime(t *testing.T) {
	p := serving(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 100))
		time.Sleep(200 * time.Millisecond) // as a program waits for another
		_, _ = io.WriteString(conn, "here")
	})
	f := newForwarder(listening(t), p)
	defer f.close()
	go f.advanceClock(t.Context())
	conn := dialled(t, f)
	begun := time.Now()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "here" {
		t.Errorf("%q, %v", answer, err)
	}
	most := step * time.Duration(time.Since(begun)/idleFor)
	if passed := time.Duration(p.passed.Load()); passed == 0 || passed > most {
		t.Errorf("%v have passed, of which no more than %v may", passed, most)
	}
}

// While the gateway listens to nobody, the client is refused by his own kernel, and no longer once it does again.
func TestForwarder_ClosesWhileTheGatewayIsDown(t *testing.T) {
	p := serving(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "here") })
	p.down.Store(true)
	f := newForwarder(listening(t), p)
	defer f.close()
	if err := f.update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", f.address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the client gets %v, not a refusal", err)
	}
	p.down.Store(false)
	if err := f.update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(dialled(t, f)); err != nil || string(answer) != "here" {
		t.Errorf("%q, %v", answer, err)
	}
}

// A gateway that goes down unseen resets the client who comes next, and the ones after him are refused.
func TestForwarder_ClosesAfterAFailedDial(t *testing.T) {
	p := serving(t, func(net.Conn) {})
	f := newForwarder(listening(t), p)
	defer f.close()
	p.down.Store(true)
	conn, err := net.Dial("tcp", f.address)
	if err == nil {
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client gets %v, not a reset", err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		again, err := net.Dial("tcp", f.address)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			again.Close()
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is never refused: %v", err)
		}
	}
}

// Time runs ahead while a client waits for his answer, and neither before he has asked nor once he has it.
func TestForwarder_AdvancesOnlyWhileAClientWaits(t *testing.T) {
	asked, due := make(chan bool, 1), make(chan bool)
	p := serving(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		asked <- true
		<-due
		_, _ = io.WriteString(conn, "HTTP/1.1 504 Gateway Time-out\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, in) // the connection is kept
	})
	done := false
	p.onAdvance = func(now time.Duration) {
		if now >= time.Minute && !done {
			done = true
			close(due)
		}
	}
	f := newForwarder(listening(t), p)
	defer f.close()
	go f.advanceClock(t.Context())
	conn := dialled(t, f)
	time.Sleep(3 * idleFor)
	if n := p.passed.Load(); n != 0 {
		t.Errorf("%v passed before he asked", time.Duration(n))
	}
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-asked
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != 504 {
		t.Fatalf("%v, %v", answer, err)
	}
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "no" {
		t.Errorf("%q, %v", body, err)
	}
	for f.waiting.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	// The step under way may still come; after it no other does.
	time.Sleep(3 * idleFor)
	passed := p.passed.Load()
	time.Sleep(3 * idleFor)
	if now := p.passed.Load(); now != passed {
		t.Errorf("time runs on, from %v to %v, though he has his answer", time.Duration(passed), time.Duration(now))
	}
}

func nothing(string) string { return "" }

// A try breaks, says so, remedies at the first line and ends at the second.
func TestTry(t *testing.T) {
	p := serving(t, func(net.Conn) {})
	p.down.Store(true)
	var out strings.Builder
	err := Try(t.Context(), p, Options{Listener: listening(t), In: strings.NewReader("\n\n"), Out: &out}, Texts{
		Broken: func(address string) string { return "broken at " + address + "\n" }, Remedying: "mending\n", Remedied: func(string) string { return "mended\n" },
	})
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, words := range []string{"broken at 127.0.0.1:", "Enter mends it", "mending", "mended", "Enter ends the lab"} {
		i := strings.Index(out.String()[at:], words)
		if i < 0 {
			t.Fatalf("%q does not come where it should in %q", words, out.String())
		}
		at += i
	}
}

// Where no further Enter can come, that is said, once, with what ends the lab.
func TestTry_SaysThatTheInputHasEnded(t *testing.T) {
	for _, in := range []string{"", "\n"} {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		var out strings.Builder
		said := &atFirst{w: &out, words: "has ended", do: stop}
		o := Options{Listener: listening(t), In: strings.NewReader(in), Out: said}
		err := Try(ctx, serving(t, func(net.Conn) {}), o, Texts{Broken: nothing, Remedied: nothing})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %q it ends with %v", in, err)
		}
		const want = "Standard input has ended, which is no Enter: SIGTERM or Ctrl-C ends the lab.\n\n"
		if strings.Count(out.String(), want) != 1 || !strings.HasSuffix(out.String(), want) {
			t.Errorf("after %q it says %q", in, out.String())
		}
	}
}

// atFirst passes on what is written, and does something when these words come.
type atFirst struct {
	w     io.Writer
	words string
	do    func()
}

func (a *atFirst) Write(b []byte) (int, error) {
	if strings.Contains(string(b), a.words) {
		defer a.do()
	}
	return a.w.Write(b)
}

func TestTry_EndsWithTheContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	o := Options{Listener: listening(t), In: strings.NewReader(""), Out: io.Discard} // no keyboard
	err := Try(ctx, serving(t, func(net.Conn) {}), o, Texts{Broken: nothing, Remedied: nothing})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}
