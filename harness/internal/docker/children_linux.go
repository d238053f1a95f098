package docker

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ownerVariable is set for the programs that this process starts and that
// should end with it, and so for all that those start.
const ownerVariable = "BADGATEWAY_OWNER"

// own makes a program, and all that it starts, known as this process's: should
// this process end, a watcher ends them. Its environment must be set by then.
func own(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, ownerVariable+"="+self().String()) }

// endChildren ends the programs that an owner has started: it asks them, as
// they may have something to clean up, and kills those that don't obey.
func endChildren(owner string) {
	deadline := time.Now().Add(10 * time.Second)
	asked := map[int]bool{}
	for {
		all := childrenOf(owner)
		if len(all) == 0 {
			return
		}
		for _, pid := range all {
			switch {
			case time.Now().After(deadline):
				_ = syscall.Kill(pid, syscall.SIGKILL)
			case !asked[pid]:
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
			asked[pid] = true
		}
		if time.Since(deadline) > 5*time.Second {
			return // it can't be killed
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// childrenOf returns the processes that have an owner's name in their
// environment.
func childrenOf(owner string) (all []int) {
	want := []byte(ownerVariable + "=" + owner)
	found, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range found {
		environment, err := os.ReadFile(path)
		if err != nil { // another user's, or gone
			continue
		}
		for v := range bytes.SplitSeq(environment, []byte{0}) {
			if bytes.Equal(v, want) {
				if pid, err := strconv.Atoi(strings.Split(path, "/")[2]); err == nil && pid != os.Getpid() {
					all = append(all, pid)
				}
				break
			}
		}
	}
	return all
}

// mountedIn reports whether something is mounted in a folder, or on it.
func mountedIn(dir string) bool {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return true // nobody knows
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		at := unescape(fields[4])
		if at == dir || strings.HasPrefix(at, dir+"/") {
			return true
		}
	}
	return false
}

// unescape reads a path as proc_pid_mountinfo(5) writes it.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
