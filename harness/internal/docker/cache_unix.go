//go:build unix

package docker

import (
	"os"
	"syscall"
)

// ours reports whether a folder belongs to this user, and no other may write to it.
func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}
