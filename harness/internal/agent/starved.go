//go:build linux

package agent

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// starved is for how long something of the sandbox was ready to run, and the machine had no processor for it: the process of the
// sandbox that had to wait longest since it began, or this program since the sandbox was opened. It is 0 where the kernel does not
// count it. In a sandbox whose clock goes faster it is at least for how long this program overslept.
func (c *sandbox) starved(context.Context, agentapi.None) (time.Duration, error) {
	c.mu.Lock()
	var pids []int
	for _, p := range c.procs {
		pids = append(pids, p.pid)
	}
	c.mu.Unlock()
	// This program's threads wait beside each other, as many at once as it uses.
	most := (delayed(os.Getpid()) - c.delayedBefore) / time.Duration(runtime.GOMAXPROCS(0))
	for _, pid := range pids {
		for _, p := range append(childrenOf(pid), pid) {
			most = max(most, delayed(p))
		}
	}
	return max(most, time.Duration(c.overslept.Load())), nil
}

// pressed is for how long anything on the machine has been ready to run and had no processor, since it was started. It is 0 where the
// kernel does not count it. See Documentation/accounting/psi.rst of the kernel.
func (c *sandbox) pressed(context.Context, agentapi.None) (time.Duration, error) {
	text, err := readProc("/proc/pressure/cpu")
	if err != nil {
		return 0, nil
	}
	_, total, _ := strings.Cut(text, "total=")
	total, _, _ = strings.Cut(total, "\n")
	µs, err := strconv.ParseInt(total, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading /proc/pressure/cpu: %w", err)
	}
	return time.Duration(µs) * time.Microsecond, nil
}

// oversleep counts, until the sandbox ends, how much later than it is due this program wakes. A clock that goes faster shows what
// nobody else notices, and not all of it is for want of a processor: a machine whose disk is busy, or which is a guest of another,
// stands still for a moment.
func (c *sandbox) oversleep() {
	const nap = 5 * time.Millisecond
	for c.life.Err() == nil {
		begun := time.Now()
		time.Sleep(nap)
		if late := time.Since(begun) - nap; late > nap {
			c.overslept.Add(int64(late))
		}
	}
}

// delayed is for how long threads of a process were ready to run and had to wait for a processor, all in all; 0 where the
// kernel does not count it. See Documentation/scheduler/sched-stats.rst of the kernel.
func delayed(pid int) (sum time.Duration) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0 // it has ended
	}
	for _, t := range threads {
		text, err := readProc(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, t.Name()))
		if err != nil {
			continue
		}
		if fields := strings.Fields(text); len(fields) > 1 {
			ns, _ := strconv.ParseInt(fields[1], 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}
