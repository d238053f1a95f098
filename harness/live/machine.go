package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// elsewhere are folders that programs behind a gateway write to, too.
var elsewhere = []use{{"/tmp", "/tmp"}, {"/var/tmp", "/var/tmp"}, {"/run", "/run"}, {"/var/log", "/var/log"}, {"/var/lib/php/sessions", "PHP's sessions"},
	{"/var/lib/mysql", "MySQL's data"}, {"/var/lib/postgresql", "PostgreSQL's data"}, {"/var/lib/redis", "Redis's data"}}

// disks says which disks are full that something writes to.
func (m Machine) disks(ctx context.Context, f *Findings, g *gateway) {
	uses := slices.Concat(g.folders, elsewhere)
	for _, of := range [...]struct{ flag, full string }{
		{"-Pkl", "the file system %s is full, and %s is on it: %s of it is used, and %s kB are free"},
		{"-Pil", "the file system %s has no inode left, and %s is on it: %s of them are used, and %s are free"},
	} {
		out, err := m.Run(ctx, "df", of.flag)
		if err == nil && out.Stdout == "" { // with one file system that can't be asked its code is 1, and the others are there
			err = errors.New(out.Stderr)
		}
		if err != nil {
			f.unread("df "+of.flag, err)
			continue
		}
		var mounts []string
		full := map[string][]string{} // the line's fields
		for line := range strings.Lines(out.Stdout) {
			fields := strings.Fields(line)
			if len(fields) < 6 || !strings.HasPrefix(fields[5], "/") {
				continue
			}
			mounts = append(mounts, fields[5])
			if free, err := strconv.Atoi(fields[3]); fields[4] == "100%" && err == nil && free <= spare {
				full[fields[5]] = fields
			}
		}
		f.looked("df %s (%d file systems, %d full)", of.flag, len(mounts), len(full))
		for _, u := range uses {
			mount := mountOf(m.real(u.folder), mounts)
			fields := full[mount]
			if _, err := fs.Stat(m.Files, inRoot(u.folder)); fields == nil || err != nil {
				continue
			}
			delete(full, mount)
			f.state("df", of.full, mount, u.by, fields[4], fields[3])
		}
	}
}

// spare is how many kB, or inodes, a full disk may have left.
const spare = 1024

// mountOf is where the file system is mounted that a folder is on.
func mountOf(folder string, mounts []string) (best string) {
	for _, mount := range mounts {
		if (folder == mount || mount == "/" || strings.HasPrefix(folder, mount+"/")) && len(mount) > len(best) {
			best = mount
		}
	}
	return best
}

// limits looks at memory, the table of connections and the worker's open files.
func (m Machine) limits(f *Findings, g *gateway) {
	m.memory(f)
	count, most := m.number("proc/sys/net/netfilter/nf_conntrack_count"), m.number("proc/sys/net/netfilter/nf_conntrack_max")
	if most > 0 {
		f.looked("the table of connections (%d of %d)", count, most)
		if count >= most*98/100 {
			f.state("/proc/sys/net/netfilter", "nf_conntrack: table full or nearly so: %d connections of %d", count, most)
		}
	}
	if g.worker != nil {
		m.openFiles(f, g.worker)
	}
}

// scarce is the part of memory, in percent, below which it is short.
const scarce = 3

func (m Machine) memory(f *Findings) {
	text, err := fs.ReadFile(m.Files, "proc/meminfo")
	if err != nil {
		f.unread("/proc/meminfo", err)
		return
	}
	kB := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 {
			kB[strings.TrimSuffix(fields[0], ":")], _ = strconv.Atoi(fields[1])
		}
	}
	total, free, swap, swapFree := kB["MemTotal"], kB["MemAvailable"], kB["SwapTotal"], kB["SwapFree"]
	f.looked("memory (%d of %d MB are available, %d of %d MB of swap free)", free>>10, total>>10, swapFree>>10, swap>>10)
	if _, known := kB["MemAvailable"]; known && free*100 < total*scarce {
		f.state("/proc/meminfo", "memory is short: %d MB of %d MB are available, and %d MB of %d MB of swap are free", free>>10, total>>10, swapFree>>10, swap>>10)
	}
}

// number is what a file holds; 0 where it can't be read.
func (m Machine) number(name string) int {
	text, _ := fs.ReadFile(m.Files, name)
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// openFiles compares a worker's open files with its limit.
func (m Machine) openFiles(f *Findings, worker *process) {
	dir := path.Join("proc", strconv.Itoa(worker.pid))
	limits, _ := fs.ReadFile(m.Files, dir+"/limits")
	open, err := fs.ReadDir(m.Files, dir+"/fd")
	if err != nil {
		f.unread("the open files of nginx's worker", err)
		return
	}
	for line := range strings.Lines(string(limits)) {
		fields := strings.Fields(strings.TrimPrefix(line, "Max open files"))
		if most, err := strconv.Atoi(append(fields, "")[0]); err == nil && strings.HasPrefix(line, "Max open files") {
			f.looked("the open files of nginx's worker %d (%d of %d)", worker.pid, len(open), most)
			if len(open) >= most*98/100 {
				f.state(fmt.Sprintf("/proc/%d/fd", worker.pid), "nginx's worker has too many open files: %d of %d", len(open), most).Gateway = "nginx"
			}
		}
	}
}
