package fakelab

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// here is what the tests that run have in common.
var here struct {
	mu     sync.Mutex
	tests  int
	engine *Engine
	undo   func()
}

// Here has labs find an engine of this package's until the test ends, by the environment. All tests that run at the time have the
// same one, so that they may be parallel. What labs would keep on the machine goes with the last of them.
func Here(t testing.TB) *Engine {
	t.Helper()
	here.mu.Lock()
	defer here.mu.Unlock()
	if here.tests == 0 {
		e := NewEngine()
		undo, err := lead(e.Host)
		if err != nil {
			e.Close()
			t.Fatal(err)
		}
		here.engine, here.undo = e, func() { e.Close(); undo() }
	}
	here.tests++
	t.Cleanup(func() {
		here.mu.Lock()
		defer here.mu.Unlock()
		if here.tests--; here.tests == 0 {
			here.undo()
		}
	})
	return here.engine
}

// lead leads labs to an engine, and gives them a program for its containers.
func lead(host string) (undo func(), err error) {
	dir, err := os.MkdirTemp("", "fakelab-")
	if err != nil {
		return nil, err
	}
	agent := filepath.Join(dir, "agent")
	back := []func(){func() { _ = os.RemoveAll(dir) }}
	undo = func() {
		for _, f := range back {
			f()
		}
	}
	err = os.WriteFile(agent, program(), 0o755)
	for name, value := range map[string]string{
		"HOME": dir, "XDG_CACHE_HOME": filepath.Join(dir, "cache"), "DOCKER_CONFIG": filepath.Join(dir, "docker"),
		"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": "", "DOCKER_API_VERSION": "",
		"BADGATEWAY_AGENT":   agent,
		"BADGATEWAY_WATCHER": "1", // no process watches over this one: it would be that program
	} {
		former, was := os.LookupEnv(name)
		back = append(back, func() {
			if was {
				_ = os.Setenv(name, former)
			} else {
				_ = os.Unsetenv(name)
			}
		})
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err != nil {
		undo()
	}
	return undo, err
}

// program is a Linux program that nobody runs: the header of one.
func program() []byte {
	machine := uint16(62) // EM_X86_64
	if runtime.GOARCH == "arm64" {
		machine = 183
	}
	h := make([]byte, 64)
	copy(h, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(h[16:], 2) // ET_EXEC
	binary.LittleEndian.PutUint16(h[18:], machine)
	binary.LittleEndian.PutUint32(h[20:], 1)
	binary.LittleEndian.PutUint16(h[52:], 64)
	return h
}
