//go:build linux

package agent

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// The lines are those of containers as they were found: with each version of control groups, and with the machine's names for
// them or names of their own.
func TestAContainersControlGroupsAreFound(t *testing.T) {
	const id = "/docker/4f1d"
	for name, c := range map[string]struct {
		groups, mounts, controller, want string
	}{
		"version 1, the machine's names": {
			"4:memory:" + id + "\n3:cpu,cpuacct:" + id + "\n",
			"650 649 0:30 " + id + " /sys/fs/cgroup/memory ro,nosuid master:11 - cgroup cgroup rw,memory\n",
			"memory", "/sys/fs/cgroup/memory",
		},
		"version 1, names of its own": {
			"4:memory:/\n", "650 649 0:30 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n", "memory", "/sys/fs/cgroup/memory",
		},
		"version 1, two controllers in one place": {
			"3:cpu,cpuacct:" + id + "\n",
			"650 649 0:30 " + id + " /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
			"cpu", "/sys/fs/cgroup/cpu,cpuacct",
		},
		"version 2, names of its own": {"0::/\n", "70 69 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw,nsdelegate\n", "", "/sys/fs/cgroup"},
		"version 2, the machine's names": {
			"0::/system.slice/docker-4f1d.scope\n", "70 69 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"", "/sys/fs/cgroup/system.slice/docker-4f1d.scope",
		},
		"version 2, mounted from above the container's own": {
			"0::/\n", "70 69 0:26 /../.. /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "", "/sys/fs/cgroup",
		},
		"both, and version 2 without a controller": {
			"4:memory:" + id + "\n0::" + id + "\n",
			"650 649 0:30 " + id + " /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n" +
				"651 649 0:31 " + id + " /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw\n",
			"memory", "/sys/fs/cgroup/memory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(parseCgroups(c.groups, c.mounts)).To(HaveKeyWithValue(c.controller, c.want))
		})
	}
}

func TestTheLimitsOfAContainerAreWhatTheKernelHasThem(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	write := func(files map[string]string) {
		for name, text := range files {
			g.Expect(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)).To(Succeed())
			g.Expect(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)).To(Succeed())
		}
	}
	write(map[string]string{
		"1/memory.limit_in_bytes": "33554432\n", "1/pids.max": "4096\n", "1/cpu.cfs_quota_us": "50000\n", "1/cpu.cfs_period_us": "100000\n",
		"1/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
		"2/memory.max":         "33554432\n", "2/pids.max": "4096\n", "2/cpu.max": "50000 100000\n",
		"2/memory.events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 3\noom_group_kill 1\n",
		"none/memory.max": "max\n", "none/pids.max": "max\n", "none/cpu.max": "max 100000\n",
		"none1/memory.limit_in_bytes": "9223372036854771712\n", "none1/cpu.cfs_quota_us": "-1\n", "none1/cpu.cfs_period_us": "100000\n",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	v1 := cgroups{"memory": at("1"), "pids": at("1"), "cpu": at("1")}
	v2 := cgroups{"": at("2")}
	held := agentapi.Limits{Memory: 32 << 20, Pids: 4096, CPUs: 0.5}
	g.Expect(v1.limits()).To(Equal(held))
	g.Expect(v2.limits()).To(Equal(held))
	g.Expect(v1.oomKills()).To(Equal(3))
	g.Expect(v2.oomKills()).To(Equal(3))
	for _, none := range []cgroups{{"": at("none")}, {"memory": at("none1"), "cpu": at("none1")}, {"": at("nowhere")}, {}} {
		g.Expect(none.limits()).To(Equal(agentapi.Limits{}))
		g.Expect(none.oomKills()).To(BeZero())
	}
}
