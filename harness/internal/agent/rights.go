//go:build linux

package agent

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// needed are the capabilities that every sandbox takes.
var needed = []struct {
	bit  uint
	name string
	what string
}{
	{unix.CAP_NET_ADMIN, "NET_ADMIN", "addresses and packet filters of a sandbox"},
	{unix.CAP_SYS_ADMIN, "SYS_ADMIN", "namespaces and mounts of a sandbox"},
	{unix.CAP_SYS_PTRACE, "SYS_PTRACE", "seeing what a sandbox's processes wait for"},
}

// lacks tries what sandboxes are made of, and names what this container has no right to, or its kernel does not have. It takes a
// thread that is thrown away.
func lacks() []agentapi.Lack {
	found := make(chan []agentapi.Lack, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		found <- tryRights()
	}()
	return <-found
}

func tryRights() []agentapi.Lack {
	status, err := readProc("/proc/thread-self/status")
	if err != nil {
		return []agentapi.Lack{{Need: agentapi.NeedSandboxes, What: "/proc", Why: err.Error(), Remedy: "the engine has to mount /proc in containers"}}
	}
	all := missingCapabilities(status)
	if len(all) > 0 {
		return all // whatever else fails does so for this reason
	}
	try := func(need, what, remedy string, f func() error) bool {
		err := f()
		if err != nil {
			all = append(all, agentapi.Lack{Need: need, What: what, Why: err.Error(), Remedy: remedy})
		}
		return err == nil
	}
	const seccomp = "the engine's seccomp profile has to let it through to who has SYS_ADMIN, as Docker's and Podman's own profiles do"
	try(agentapi.NeedCatchAll, agentapi.Openat2, "it takes Linux 5.6, and an engine whose seccomp profile knows it (Docker 20.10, libseccomp 2.5)", tryOpenat2)
	if try(agentapi.NeedSandboxes, agentapi.NetworkNamespaces, seccomp, func() error { return unix.Unshare(unix.CLONE_NEWNET) }) {
		try(agentapi.NeedFilters, agentapi.Nftables, "load it on the engine's machine: `modprobe nf_tables`", tryFilters)
	}
	if try(agentapi.NeedSandboxes, agentapi.MountNamespaces, seccomp, func() error { return unix.Unshare(unix.CLONE_NEWNS) }) {
		try(agentapi.NeedSandboxes, agentapi.Mounts, seccomp+"; AppArmor and SELinux must not forbid it (the lab asks for apparmor=unconfined)", tryMounts)
	}
	try(agentapi.NeedAttempts, agentapi.ConnectsSeen, "it takes Linux 5.5, and an engine that has no listener of its own for its containers' calls", tryConnects)
	try(agentapi.NeedSandboxes, agentapi.Setns, seccomp, func() error { return unix.Setns(home, unix.CLONE_NEWNET) })
	return all
}

// missingCapabilities names those that are needed and not in effect, by the text of /proc/self/status.
func missingCapabilities(status string) (all []agentapi.Lack) {
	_, rest, _ := strings.Cut(status, "CapEff:")
	hex, _, _ := strings.Cut(rest, "\n")
	have, _ := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
	for _, c := range needed {
		if have&(1<<c.bit) == 0 {
			all = append(all, agentapi.Lack{
				Need: agentapi.NeedSandboxes, What: agentapi.CapabilityOf(c.name), Why: "it is for " + c.what,
				Remedy: "the lab asks the engine for it (--cap-add=" + c.name + "): whoever rules over the engine has to allow that",
			})
		}
	}
	return all
}

func tryOpenat2() error {
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// tryConnects is for a thread that makes no connection.
func tryConnects() error {
	l, err := listenForConnects()
	if err == nil {
		l.close()
	}
	return err
}

// tryFilters is for a thread in a network namespace of its own.
func tryFilters() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	t := c.AddTable(&nftables.Table{Name: "badgateway", Family: nftables.TableFamilyINet})
	c.AddChain(&nftables.Chain{
		Name: "out", Table: t, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	return c.Flush()
}

// tryMounts is for a thread in a mount namespace of its own.
func tryMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", agentapi.Root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=64k"); err != nil {
		return fmt.Errorf("mounting a tmpfs: %w", err)
	}
	if err := os.WriteFile(agentapi.Root+"/try", nil, 0o600); err != nil {
		return errors.Join(err, unix.Unmount(agentapi.Root, unix.MNT_DETACH))
	}
	return unix.Unmount(agentapi.Root, unix.MNT_DETACH)
}
