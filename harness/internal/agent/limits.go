//go:build linux

package agent

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// cgroups is where this container's control groups lie, by controller; under "" that of version 2, which has all of them in
// one place; see cgroups(7).
type cgroups map[string]string

// ownGroups are those of this container.
var ownGroups = sync.OnceValue(func() cgroups { return ownCgroups("/proc") })

// oomKills is how many processes the kernel has ended in this container for want of memory.
func oomKills() int { return ownGroups().oomKills() }

// ownCgroups reads them from a /proc.
func ownCgroups(proc string) cgroups {
	groups, _ := os.ReadFile(filepath.Join(proc, "self/cgroup"))
	mounts, _ := os.ReadFile(filepath.Join(proc, "self/mountinfo"))
	return parseCgroups(string(groups), string(mounts))
}

// parseCgroups joins the names of the groups that a process is in with the places where they are mounted. A container may see
// its own group as the root of all, or only the way down to it, or the whole machine's.
func parseCgroups(groups, mounts string) cgroups {
	in := map[string]string{}
	for line := range strings.Lines(groups) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(f[1], ",") {
			in[controller] = f[2]
		}
	}
	at := cgroups{}
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(line, " - ")
		f, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(kind) < 3 {
			continue
		}
		root, point := f[3], f[4]
		switch kind[0] {
		case "cgroup2":
			at[""] = under(point, root, in[""])
		case "cgroup":
			for controller := range strings.SplitSeq(kind[2], ",") {
				if own, known := in[controller]; known {
					at[controller] = under(point, root, own)
				}
			}
		}
	}
	return at
}

// under is where a group lies below the place at which the group root is mounted.
func under(point, root, own string) string {
	rest, below := strings.CutPrefix(own, strings.TrimSuffix(root, "/"))
	if !below || strings.HasPrefix(root, "/..") || strings.HasPrefix(own, "/..") {
		return point // the place is the group itself
	}
	return path.Join(point, rest)
}

// read reads a file of a controller, as version 1 calls it or as version 2 does.
func (g cgroups) read(controller, v1, v2 string) string {
	for _, f := range []struct{ dir, name string }{{g[controller], v1}, {g[""], v2}} {
		if f.dir == "" {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(f.dir, f.name)); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	return ""
}

// limits are those that the kernel holds the container to.
func (g cgroups) limits() agentapi.Limits {
	number := func(text string) int64 {
		n, _ := strconv.ParseInt(text, 10, 64) // "max" and -1 are no limit
		return max(n, 0)
	}
	l := agentapi.Limits{
		Memory: number(g.read("memory", "memory.limit_in_bytes", "memory.max")),
		Pids:   number(g.read("pids", "pids.max", "pids.max")),
	}
	if l.Memory > 1<<60 { // how version 1 says that there is none
		l.Memory = 0
	}
	quota, period := g.read("cpu", "cpu.cfs_quota_us", ""), g.read("cpu", "cpu.cfs_period_us", "")
	if f := strings.Fields(g.read("", "", "cpu.max")); quota == "" && len(f) == 2 {
		quota, period = f[0], f[1]
	}
	if each := number(period); each > 0 {
		l.CPUs = float64(number(quota)) / float64(each)
	}
	return l
}

func (g cgroups) oomKills() (n int) {
	for line := range strings.Lines(g.read("memory", "memory.oom_control", "memory.events")) {
		if value, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return n
}

// diskFree is how many bytes the container's own file system has left.
func diskFree() int64 {
	var s unix.Statfs_t
	if unix.Statfs("/", &s) != nil {
		return 0
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
