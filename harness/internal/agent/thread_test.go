//go:build linux

package agent

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

var errOver = errors.New("it is over")

// Whoever comes while a thread ends is told why, and what was begun is ended: nobody panics and nobody waits for ever.
func TestThreadThatEndsWhileItIsUsed(t *testing.T) {
	for range 200 {
		life, end := context.WithCancelCause(context.Background())
		var running, users sync.WaitGroup
		th, err := startThread(life, &running, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		var ran, told, refused atomic.Int64
		for range 8 {
			users.Go(func() {
				for {
					err := th.do(t.Context(), func() error { ran.Add(1); return nil })
					if errors.Is(err, errOver) {
						refused.Add(1)
						return
					}
					told.Add(1)
				}
			})
		}
		end(errOver)
		users.Wait()
		running.Wait()
		if ran.Load() != told.Load() || refused.Load() != 8 {
			t.Fatalf("%d ran, %d were told so, %d of 8 were refused", ran.Load(), told.Load(), refused.Load())
		}
	}
}

func TestThreadsErrors(t *testing.T) {
	var running sync.WaitGroup
	defer running.Wait()
	life, end := context.WithCancelCause(context.Background())
	defer end(errOver)
	wrong := errors.New("wrong")
	if _, err := startThread(life, &running, func() error { return wrong }); err != wrong {
		t.Errorf("one that can't enter starts with %v", err)
	}
	th, err := startThread(life, &running, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := th.do(t.Context(), func() error { return wrong }); err != wrong {
		t.Errorf("what fails there ends with %v", err)
	}
	// Whoever waits for his turn does so no longer than he likes.
	busy, free := make(chan struct{}), make(chan struct{})
	go func() { _ = th.do(t.Context(), func() error { close(busy); <-free; return nil }) }()
	<-busy
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(wrong)
	if err := th.do(ctx, func() error { t.Error("it ran"); return nil }); err != wrong {
		t.Errorf("whose caller has left ends with %v", err)
	}
	close(free)
}

// threadsVariable is set in a program that only starts threads, before anything else that might take its first one.
const threadsVariable = "BADGATEWAY_TEST_THREADS"

// The program's first thread does not end before the program does, and would keep a sandbox's network and mounts.
func TestThreadIsNeverTheFirst(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), threadsVariable+"=1")
	if err := children.start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := children.wait(cmd); err != nil {
		t.Errorf("one of its threads is the program's first: %v", err)
	}
}

// startThreads starts a hundred threads, and ends the program when one of them is its first.
func startThreads() {
	var running sync.WaitGroup
	for range 100 {
		if _, err := startThread(context.Background(), &running, func() error {
			if unix.Gettid() == unix.Getpid() {
				return errOver
			}
			return nil
		}); err != nil {
			os.Exit(1)
		}
	}
}
