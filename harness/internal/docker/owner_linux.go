package docker

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
)

// processNamespace names the kernel, by its boot, and the namespace in which
// this process has its number.
func processNamespace() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "unknown"
	}
	sum := sha256.Sum256(append(bytes.TrimSpace(boot), namespace...))
	return hex.EncodeToString(sum[:4])
}

// startOf returns when a process began, in the kernel's ticks since its boot,
// "" where that can't be seen.
func startOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The program's name, in parentheses, may contain anything; see proc(5).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return ""
	}
	return string(fields[19])
}
