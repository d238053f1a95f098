//go:build linux

package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// tcpTable is how many entries the table of TCP connections has in each sandbox: what a machine of 2 to 4 GiB has. Otherwise all
// networks of a machine share one that is made for its memory, a quarter of a million entries where there are 24 GiB, and to list
// the few connections of one network, or to end it, the kernel walks through all of it. The kernel's bounds of connections in
// TIME-WAIT and in SYN-RECEIVED go by it, so it is no smaller. See tcp_child_ehash_entries in the kernel's
// Documentation/networking/ip-sysctl.rst.
const tcpTable = 32768

// ownTCPTables gives each network that is made from here on a table of its own. Linux before 6.1 has no such setting; what it
// takes longer there is no harm.
func ownTCPTables() {
	var done sync.WaitGroup
	done.Add(1)
	onItsOwn(func() {
		defer done.Done()
		// The container's own /proc/sys is for reading only.
		if unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS) != nil || unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") != nil ||
			unix.Mount("proc", agentapi.Root, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "") != nil {
			return
		}
		_ = os.WriteFile(filepath.Join(agentapi.Root, "sys/net/ipv4/tcp_child_ehash_entries"), []byte(strconv.Itoa(tcpTable)), 0)
	})
	done.Wait()
}
