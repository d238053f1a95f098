//go:build linux

package agent

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// catchAllRights are the capabilities that root has in a catch-all sandbox; see capabilities(7). They are those a gateway's master needs
// to listen on port 80, to become another user, to own its files and to end its workers.
var catchAllRights = []uint{
	unix.CAP_NET_BIND_SERVICE, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER,
	unix.CAP_KILL,
}

// dropRights takes all other rights from the calling thread and from whatever it starts, for good.
func dropRights() error {
	var keep uint64
	for _, r := range catchAllRights {
		keep |= 1 << r
	}
	for r := uintptr(0); r <= 63; r++ {
		if keep&(1<<r) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, r, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break // the kernel knows no more
		}
		if err != nil {
			return fmt.Errorf("taking the capability %d from a sandbox: %w", r, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("taking the ambient capabilities from a sandbox: %w", err)
	}
	// Some engines hand capabilities down as inheritable: those would pass by the bounding set.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	low := uint32(keep)
	sets := [2]unix.CapUserData{{Effective: low, Permitted: low}}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("taking the capabilities from a sandbox: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("keeping a sandbox from new rights: %w", err)
	}
	return filterCalls()
}

// deniedCalls are the calls to the kernel that a catch-all sandbox may not make: they change the machine, look into others, or open
// parts of the kernel that no gateway uses. The answer to them is EPERM.
var deniedCalls = []uint32{
	unix.SYS_ACCT, unix.SYS_ADD_KEY, unix.SYS_ADJTIMEX, unix.SYS_BPF, unix.SYS_CHROOT, unix.SYS_CLOCK_ADJTIME,
	unix.SYS_CLOCK_SETTIME, unix.SYS_DELETE_MODULE, unix.SYS_FANOTIFY_INIT, unix.SYS_FINIT_MODULE, unix.SYS_FSCONFIG,
	unix.SYS_FSMOUNT, unix.SYS_FSOPEN, unix.SYS_FSPICK, unix.SYS_INIT_MODULE, unix.SYS_KCMP, unix.SYS_KEXEC_FILE_LOAD,
	unix.SYS_KEXEC_LOAD, unix.SYS_KEYCTL, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_MOUNT, unix.SYS_MOUNT_SETATTR,
	unix.SYS_MOVE_MOUNT, unix.SYS_MOVE_PAGES, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_NFSSERVCTL, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_OPEN_TREE, unix.SYS_PERF_EVENT_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIVOT_ROOT, unix.SYS_PROCESS_MADVISE,
	unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PTRACE, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	unix.SYS_REBOOT, unix.SYS_REQUEST_KEY, unix.SYS_SETDOMAINNAME, unix.SYS_SETHOSTNAME, unix.SYS_SETNS,
	unix.SYS_SETTIMEOFDAY, unix.SYS_SWAPOFF, unix.SYS_SWAPON, unix.SYS_SYSLOG, unix.SYS_UMOUNT2, unix.SYS_UNSHARE,
	unix.SYS_USERFAULTFD, unix.SYS_VHANGUP,
}

// absentCalls are answered as by a kernel that does not know them, for which every program has another way.
var absentCalls = []uint32{
	unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
}

// families are the kinds of sockets that a catch-all sandbox may make. All are the network namespace's own; a vsock, for one, is not.
var families = []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

// newNamespaces are the flags of clone(2) that make one.
const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// filterCalls keeps the calling thread, and all that it starts, from calls to the kernel; see seccomp(2).
func filterCalls() error {
	program, err := callFilter(runtime.GOARCH)
	if err != nil {
		return err
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return fmt.Errorf("assembling the filter of a sandbox: %w", err)
	}
	if _, err := setFilter(raw, 0); err != nil {
		return fmt.Errorf("setting the filter of a sandbox: %w", err)
	}
	return nil
}

// setFilter sets a program that the kernel runs before each call of the calling thread, and of all that it starts.
func setFilter(raw []bpf.RawInstruction, flags uintptr) (listener int, err error) {
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

// auditArch is how filters name the machines that they are written for.
var auditArch = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// Where struct seccomp_data of linux/seccomp.h has its fields. Of an argument it is the lower half, on a little-endian
// machine.
const (
	dataNumber, dataArch = 0, 4
	dataArg0             = 16
)

// callFilter is the program that the kernel runs before each call.
func callFilter(goarch string) ([]bpf.Instruction, error) {
	arch, known := auditArch[goarch]
	if !known {
		return nil, fmt.Errorf("a sandbox takes a machine of amd64 or arm64, not %s", goarch)
	}
	const (
		denied = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		absent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	)
	ret := func(v uint32) bpf.Instruction { return bpf.RetConstant{Val: v} }
	on := func(call uint32) bpf.Instruction { return bpf.JumpIf{Cond: bpf.JumpEqual, Val: call, SkipFalse: 1} }
	p := []bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArch, Size: 4}, // the same kernel also takes calls of 32 bits, under other numbers
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		ret(absent),
		bpf.LoadAbsolute{Off: dataNumber, Size: 4},
	}
	if goarch == "amd64" {
		const x32 = 0x40000000 // __X32_SYSCALL_BIT: the same numbers once more
		p = append(p, bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: x32, SkipFalse: 1}, ret(absent))
	}
	for _, call := range deniedCalls {
		p = append(p, on(call), ret(denied))
	}
	for _, call := range absentCalls {
		p = append(p, on(call), ret(absent))
	}
	p = append(p,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_CLONE, SkipFalse: 4},
		bpf.LoadAbsolute{Off: dataArg0, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: newNamespaces, SkipFalse: 1},
		ret(denied),
		ret(unix.SECCOMP_RET_ALLOW),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_SOCKET, SkipTrue: 1},
		ret(unix.SECCOMP_RET_ALLOW),
		bpf.LoadAbsolute{Off: dataArg0, Size: 4},
	)
	for _, f := range families {
		p = append(p, on(f), ret(unix.SECCOMP_RET_ALLOW))
	}
	return append(p, ret(unix.SECCOMP_RET_ERRNO|uint32(unix.EAFNOSUPPORT))), nil
}

// forgetPtrace takes from the calling thread the right to look into processes that have fewer rights. It is for a thread that
// may follow links that a stranger made, and those of /proc lead into processes.
func forgetPtrace() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("reading the capabilities of a sandbox's thread: %w", err)
	}
	const ptrace = uint32(1 << unix.CAP_SYS_PTRACE)
	sets[0].Effective &^= ptrace
	sets[0].Permitted &^= ptrace
	sets[0].Inheritable &^= ptrace
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("taking a capability from a sandbox's thread: %w", err)
	}
	return nil
}
