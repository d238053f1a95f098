//go:build linux

package engines

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	kills = 3
	// amidst is less than the images take on any machine, so that whoever is killed before has not ended.
	amidst = 15 * time.Second
	// goneWithin is more than a watcher takes: it waits 15 s for what the engine may still complete.
	goneWithin = 2 * time.Minute
)

// A running engine is asked by its API, and looked at from outside.
type running struct {
	host   string
	pid    int // of the process that all of its own descend from
	podman bool
}

// killed kills commands that build images, at random moments, and sees that nothing is left of them. It returns what the
// table says of it.
func (r running) killed(t *testing.T, command string) string {
	t.Helper()
	clean := 0
	for n := range kills {
		r.forgetImages(t)
		before := r.inventory(t)
		args := []string{"images"}
		if n%2 == 1 {
			args = []string{"run", "fpm-dead"}
		}
		tmp := t.TempDir()
		cmd := exec.Command(command, args...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+r.host, "TMPDIR="+tmp)
		moment := time.Duration(rand.Int64N(int64(amidst)))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(moment) // what is tested
		cmd.Process.Kill()
		cmd.Wait()
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
			t.Errorf("%s ended by itself in less than %v, with %d", args[0], moment, status.ExitStatus())
		}
		t.Logf("%s, killed after %v, had %q", args[0], moment, beyond(r.inventory(t), before))
		var left []string
		for killed := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			left = watchersOf(cmd.Process.Pid)
			if len(left) == 0 {
				left = beyond(r.inventory(t), before)
				mine, err := filepath.Glob(tmp + "/*")
				if err != nil {
					t.Fatal(err)
				}
				left = append(left, mine...)
			}
			if len(left) == 0 {
				t.Logf("nothing was left after %v", time.Since(killed).Round(time.Second))
				clean++
				break
			}
			if time.Since(killed) > goneWithin {
				t.Errorf("%s, killed after %v, left %q", args[0], moment, left)
				break
			}
		}
	}
	return fmt.Sprintf("nothing left of %d of %d that were killed", clean, kills)
}

// forgetImages removes our images but the base, so that the next run builds them again.
func (r running) forgetImages(t *testing.T) {
	t.Helper()
	var images []struct{ RepoTags []string }
	r.ask(t, http.MethodGet, "/images/json", &images)
	for _, i := range images {
		for _, name := range i.RepoTags {
			if strings.Contains(name, "badgateway/") && !strings.Contains(name, "badgateway/base:") {
				r.ask(t, http.MethodDelete, "/images/"+name, nil)
			}
		}
	}
}

// inventory is what an engine has besides whole images: the containers, those of Podman's builder too, the volumes, the
// networks, the images half made, its temporary files, its processes.
func (r running) inventory(t *testing.T) (all []string) {
	t.Helper()
	containers := "/containers/json?all=true"
	if r.podman {
		containers = "/v4.0.0/libpod/containers/json?all=true&external=true"
	}
	type named struct{ Id, Name string }
	var volumes struct{ Volumes []named }
	r.ask(t, http.MethodGet, "/volumes", &volumes)
	for _, v := range volumes.Volumes {
		all = append(all, "volume "+v.Name)
	}
	for kind, path := range map[string]string{
		"container": containers,
		"network":   "/networks",
		"image":     "/images/json?filters=" + url.QueryEscape(`{"dangling":["true"]}`),
	} {
		var list []named
		r.ask(t, http.MethodGet, path, &list)
		for _, one := range list {
			all = append(all, kind+" "+one.Id)
		}
	}
	for _, dir := range []string{"tmp", "var/tmp"} {
		found, err := os.ReadDir(fmt.Sprintf("/proc/%d/root/%s", r.pid, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			all = append(all, "file /"+dir+"/"+f.Name())
		}
	}
	return append(all, below(r.pid)...)
}

// beyond is what there is now and was not before.
func beyond(now, before []string) (more []string) {
	before = slices.Clone(before)
	for _, one := range now {
		if i := slices.Index(before, one); i >= 0 {
			before = slices.Delete(before, i, i+1)
		} else {
			more = append(more, one)
		}
	}
	return more
}

// below are the processes that descend from one.
func below(pid int) (all []string) {
	children := map[string][]string{} // of a process, "number name" each
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range found {
		text, _ := os.ReadFile(f)
		number, rest, _ := strings.Cut(string(text), " (")
		end := strings.LastIndex(rest, ") ")
		if end < 0 {
			continue // it has ended
		}
		parent := strings.Fields(rest[end+2:])[1]
		children[parent] = append(children[parent], number+" "+rest[:end])
	}
	todo := []string{strconv.Itoa(pid)}
	for len(todo) > 0 {
		parent := todo[0]
		todo = todo[1:]
		for _, child := range children[parent] {
			number, name, _ := strings.Cut(child, " ")
			todo = append(todo, number)
			all = append(all, "process "+name)
		}
	}
	return all
}

// watchersOf are the processes that watch over one, or did until it ended.
func watchersOf(pid int) (all []string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		text, _ := os.ReadFile(l)
		words := strings.Split(string(text), "\x00")
		if len(words) > 2 && words[1] == "reap" && strings.Contains(words[2], fmt.Sprintf("/%d/", pid)) {
			all = append(all, "its watcher "+l)
		}
	}
	return all
}

// ask asks the engine.
func (r running) ask(t *testing.T, method, path string, answer any) {
	t.Helper()
	api := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(r.host, "unix://"))
		},
	}}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := api.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, path, response.Status)
	}
	if answer != nil {
		if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}
