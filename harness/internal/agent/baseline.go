//go:build linux

package agent

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// baseline does by hand, with plain processes, what a scenario with a dead upstream does, and tells how long each case
// took on the average: a fresh nginx with its own config, 200, the upstream stopped, 502, the upstream started, 200, the
// log line read, nginx ended. There is no sandbox, no evidence and nobody who judges. It is what the harness is measured by.
func baseline(ctx context.Context, spec agentapi.BaselineSpec) (took agentapi.BaselineTook, err error) {
	todo := make(chan int)
	errs := make(chan error, spec.Parallel)
	begun := time.Now()
	var wg sync.WaitGroup
	for w := range spec.Parallel {
		wg.Go(func() {
			for range todo {
				if err := byHand(ctx, w); err != nil {
					errs <- err
					for range todo {
					}
					return
				}
			}
		})
	}
	for i := range spec.Cases {
		todo <- i
	}
	close(todo)
	wg.Wait()
	select {
	case err := <-errs:
		return took, err
	default:
		return agentapi.BaselineTook{Took: time.Since(begun)}, nil
	}
}

// byHand is one case, on addresses that only this worker uses.
func byHand(ctx context.Context, worker int) error {
	dir := filepath.Join(agentapi.Root, fmt.Sprintf("yardstick%d", worker))
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	host := fmt.Sprintf("127.0.1.%d", worker+1)
	conf := fmt.Sprintf(`pid %[1]s/pid; error_log %[1]s/error.log; events {}
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f;
uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; server { listen %[2]s:80; location / { proxy_pass http://%[2]s:81; } } }`, dir, host)
	if err := os.WriteFile(dir+"/nginx.conf", []byte(conf), 0o644); err != nil {
		return err
	}
	nginx := exec.CommandContext(ctx, "nginx", "-c", dir+"/nginx.conf", "-e", dir+"/error.log", "-g", "daemon off;")
	if err := children.start(nginx); err != nil {
		return err
	}
	defer func() {
		_ = nginx.Process.Signal(syscall.SIGTERM) // the master ends its worker first
		_ = children.wait(nginx)
	}()
	if err := poll(ctx, 5*time.Second, func() (bool, error) {
		c, err := net.Dial("tcp", host+":80")
		if err == nil {
			c.Close()
		}
		return err == nil, nil
	}); err != nil {
		return fmt.Errorf("starting nginx by hand: %w", err)
	}
	for _, want := range []int{200, 502, 200} {
		if want == 502 {
			if err := askByHand(host, want); err != nil {
				return err
			}
			continue
		}
		up, err := fakeupstream.NewHTTP(host + ":81")
		if err != nil {
			return err
		}
		if err := askByHand(host, want); err != nil {
			return err
		}
		if err := up.Close(); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(dir + "/error.log")
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), "connect() failed (111: Connection refused)") {
		return fmt.Errorf("the log by hand lacks its line: %s", text)
	}
	return nil
}

func askByHand(host string, want int) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get("http://" + host + "/")
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != want {
		return fmt.Errorf("by hand: %d, not %d", resp.StatusCode, want)
	}
	return nil
}
