package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// ReapCommand is the argument by which our command becomes a watcher, before
// the owner that it watches; see Reap.
const ReapCommand = "reap"

// The kinds of news that a watcher gets, a line each: one of these, and the
// thing that it is about.
const (
	newsBegun = '+' // it is about to be made
	newsMade  = '=' // of a container: it runs, and ends with its owner's connection
	newsGone  = '-' // it is removed
)

// The things, besides paths, which stand in quotes.
const (
	aContainer = "container"
	aBuild     = "build"
)

// inWatcher is set in a watcher's environment. Should the program not know that it is one, and make labs, it gets no
// watcher that would do the same.
const inWatcher = "BADGATEWAY_WATCHER"

// watcher is the process that watches over this one, as far as it uses one
// engine.
type watcher struct {
	once sync.Once
	news io.Writer // nil where there is none
}

func (w *watcher) tell(news byte, what string) {
	if w.news != nil {
		fmt.Fprintf(w.news, "%c%s\n", news, what) // one that was killed is no longer interested
	}
}

// watchers are those of this process, by the engine's address. The one for ""
// uses none: it is for what lies on this machine.
var watchers sync.Map

// watcherOf returns a watcher, which it starts if need be; an error, why there
// is none, is returned to the first caller.
//
// It has the given environment, which leads it to the engine.
func watcherOf(host string, env []string, program func() (*exec.Cmd, error)) (w *watcher, err error) {
	known, _ := watchers.LoadOrStore(host, &watcher{})
	w = known.(*watcher)
	w.once.Do(func() {
		if os.Getenv(inWatcher) != "" {
			return
		}
		var cmd *exec.Cmd
		if cmd, err = program(); err == nil {
			w.news, err = startWatcher(cmd, env)
		}
	})
	return w, err
}

// watcher returns the one for this engine.
func (e *Engine) watcher(ctx context.Context) *watcher {
	w, err := watcherOf(e.host, e.environment(), func() (*exec.Cmd, error) {
		if cmd := ownCommand(); cmd != nil {
			return cmd, nil
		}
		return e.agentCommand(ctx)
	})
	if err != nil {
		e.log.Warn(fmt.Sprintf("nothing watches over this process (%v): should it be killed while a container or an image is being made, "+
			"the next run removes what is left", oneLine(err)))
	}
	return w
}

// ownCommand makes a command of the running program, nil if it is not ours.
func ownCommand() *exec.Cmd {
	if !isCommand() && !serves.Load() {
		return nil
	}
	path, err := ownProgram()
	if err != nil {
		return nil
	}
	return exec.Command(path)
}

// agentCommand makes a command of the program that the labs run.
func (e *Engine) agentCommand(ctx context.Context) (*exec.Cmd, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != e.arch {
		return nil, fmt.Errorf("only the command badgateway itself can, on %s", runtime.GOOS)
	}
	program, err := e.Agent(ctx)
	if err != nil {
		return nil, err
	}
	cmd := commandOf(program)
	if cmd == nil {
		return nil, errors.New("this machine runs no program from memory")
	}
	return cmd, nil
}

// startWatcher starts the watcher in a session of its own, so that what ends
// this process with its group or its terminal leaves the watcher alone. It
// returns the pipe whose end is the sign.
func startWatcher(cmd *exec.Cmd, env []string) (io.Writer, error) {
	defer closeFiles(cmd.ExtraFiles)
	cmd.Args = append(cmd.Args, ReapCommand, self().String())
	cmd.Dir = rootFolder() // one that is there in any case, and is not held for long
	cmd.Env = append(env, inWatcher+"=1")
	detach(cmd)
	news, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = cmd.Wait() }() // so that one that was killed is no zombie
	return news, nil
}

// rootFolder is the root of the file system, on Windows that of the system's
// own volume.
func rootFolder() string {
	return filepath.VolumeName(os.Getenv("SystemRoot")) + string(filepath.Separator)
}

func closeFiles(all []*os.File) {
	for _, f := range all {
		f.Close()
	}
}
