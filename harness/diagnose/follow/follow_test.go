package follow

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
)

// a follower under test: what it told, as "file:number text".
type followed struct {
	t     *testing.T
	lines chan string
	said  chan string
	ended chan error
	stop  context.CancelFunc
}

func start(t *testing.T, whole bool, stdin io.Reader, names ...string) *followed {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	f := &followed{t, make(chan string, 1000), make(chan string, 10), make(chan error, 1), stop}
	looked := make(chan bool, 1)
	go func() {
		f.ended <- Files(ctx, names, stdin, whole, Events{
			Line: func(l *diagnose.Line) { f.lines <- fmt.Sprintf("%s:%d %s", filepath.Base(l.File), l.Number, l.Text) },
			Rest: func() {
				select {
				case looked <- true:
				default:
				}
			},
			Say: func(what string) { f.said <- what },
		})
	}()
	select {
	case <-looked: // so that what is written from now on is new
	case err := <-f.ended:
		f.ended <- err
	case <-time.After(10 * time.Second):
		t.Fatal("it did not look once")
	}
	t.Cleanup(stop)
	return f
}

// wants waits for lines, and for no others.
func (f *followed) wants(lines ...string) {
	f.t.Helper()
	for _, want := range lines {
		select {
		case got := <-f.lines:
			if got != want {
				f.t.Fatalf("got the line %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			f.t.Fatalf("the line %q did not come", want)
		}
	}
	select {
	case more := <-f.lines:
		f.t.Fatalf("one line too many: %q", more)
	case <-time.After(2 * every):
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestFiles_GoOnThroughRotation(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "error.log")
	write(t, log, "old one\nhalf of")
	f := start(t, false, nil, log)
	write(t, log, " a line\nnew one\r\n")
	f.wants("error.log:0 half of a line", "error.log:0 new one")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, log+".1", "late one\n") // nginx writes on until it is told to open its logs anew
	f.wants("error.log:0 late one")
	write(t, log, "first of the next\n\nthird of the next\n")
	f.wants("error.log:1 first of the next", "error.log:3 third of the next")
}

func TestFiles_AreReadAgainWhenTheyAreCut(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "error.log")
	write(t, log, "one\ntwo\n")
	f := start(t, true, nil, log)
	f.wants("error.log:1 one", "error.log:2 two")
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	write(t, log, "a\n")
	f.wants("error.log:1 a")
	// cut, and longer than before at the next look
	if err := os.WriteFile(log, []byte("b is longer than all there was\nc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.wants("error.log:1 b is longer than all there was", "error.log:2 c")
}

func TestFiles_NeedNotBeThereYet(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "error.log")
	f := start(t, false, nil, log)
	if said := <-f.said; !strings.HasSuffix(said, "is not there yet: it is waited for") {
		t.Errorf("it says %q", said)
	}
	write(t, log, "one\n")
	f.wants("error.log:1 one")
}

func TestFiles_StandardInputEndsIt(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	f := start(t, false, in, "-")
	fmt.Fprint(out, "one\ntwo\n")
	f.wants("-:1 one", "-:2 two")
	fmt.Fprint(out, strings.Repeat("x", 3*longest)+"\nlast")
	out.Close()
	if err := <-f.ended; err != nil {
		t.Error(err)
	}
	long, last := <-f.lines, <-f.lines
	if len(long) > longest+10 || last != "-:4 last" {
		t.Errorf("a long line of %d bytes, then %q", len(long), last)
	}
}

func TestFiles_EndWithTheContext(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	defer out.Close()
	f := start(t, false, in, "-", filepath.Join(t.TempDir(), "x.log"))
	f.stop()
	select {
	case err := <-f.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
}

func TestFiles_RefuseWhatIsNoFile(t *testing.T) {
	t.Parallel()
	err := Files(t.Context(), []string{t.TempDir()}, nil, false, Events{Say: func(string) {}})
	if err == nil || !strings.Contains(err.Error(), "it is no file") {
		t.Errorf("a folder is followed: %v", err)
	}
}

// Lines are the same, however the bytes come.
func FuzzLines(f *testing.F) {
	f.Add("one\ntwo\n\nthree", 2)
	f.Fuzz(func(t *testing.T, text string, step int) {
		if step <= 0 {
			step = 1
		}
		told := func(step int) (all []string) {
			one := &file{name: "x", events: Events{Line: func(l *diagnose.Line) { all = append(all, fmt.Sprint(l.Number, l.Text)) }}}
			for rest := []byte(text); len(rest) > 0; rest = rest[min(step, len(rest)):] {
				one.lines(rest[:min(step, len(rest))])
			}
			return all
		}
		if a, b := told(step), told(len(text)+1); !slices.Equal(a, b) {
			t.Errorf("%q in steps of %d: %q, at once %q", text, step, a, b)
		}
	})
}
