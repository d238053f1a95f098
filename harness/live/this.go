package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// This is the machine that the program runs on. Others than Linux have little of what is looked at, and are refused.
func This() (Machine, error) {
	if runtime.GOOS != "linux" {
		return Machine{}, fmt.Errorf("only a Linux server can be looked at, and this is %s: run it there, or give the server's logs to badgateway diagnose", runtime.GOOS)
	}
	m := Machine{Files: os.DirFS("/"), Run: run, UID: os.Geteuid(), Now: time.Now()}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return m, fmt.Errorf("list this machine's addresses: %w", err)
	}
	for _, a := range own {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			m.Addresses = append(m.Addresses, p.Addr().Unmap())
		}
	}
	return m, nil
}

// sbin is where programs are that a user's PATH may lack.
var sbin = []string{"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin", "/usr/local/openresty/nginx/sbin"}

func find(program string) (string, error) {
	if name, err := exec.LookPath(program); err == nil {
		return name, nil
	}
	for _, dir := range sbin {
		if name, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return name, nil
		}
	}
	return "", errNoProgram
}

func run(ctx context.Context, program string, args ...string) (Output, error) {
	name, err := find(program)
	if err != nil {
		return Output{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience*4/5) // so that this one is named, and the look goes on
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.WaitDelay = "/", time.Second
	c.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=C", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=")
	var stdout, stderr bounded
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	out := Output{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case errors.As(err, &ended):
		return out, nil
	}
	return out, err
}

// bounded keeps the beginning of what is written.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if room := printMost - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
