//go:build linux

package agent

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// procFiles are the files of /proc about a program's processes. They stay open from one look to the next: to find and open
// one takes the kernel longer than to say what is in it. Those of nil are opened for each look.
type procFiles struct {
	mu     sync.Mutex
	open   map[string]int
	closed bool
}

// procFilesOpen is how many may be open for one program: a gateway with more workers has the others opened for each look.
const procFilesOpen = 256

func (f *procFiles) read(path string) (string, error) {
	if f == nil {
		return readProc(path)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fd, there := f.open[path]
	if !there {
		if f.closed || len(f.open) >= procFilesOpen {
			return readProc(path)
		}
		var err error
		if fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return "", &os.PathError{Op: "open", Path: path, Err: err}
		}
		if f.open == nil {
			f.open = map[string]int{}
		}
		f.open[path] = fd
	}
	text, err := readProcAt(fd, path)
	if err != nil {
		delete(f.open, path) // the process is no more, and another may have its number one day
		unix.Close(fd)
	}
	return text, err
}

func (f *procFiles) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fd := range f.open {
		unix.Close(fd)
	}
	f.open, f.closed = nil, true
}

// children lists the children of a process.
func (f *procFiles) children(pid int) []int {
	text, err := f.read(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var pids []int
	for _, f := range strings.Fields(text) {
		if n, err := strconv.Atoi(f); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// scheduleOfAll is how all threads of a process stand together: a gateway may leave its files to others than its first
// ("aio threads").
func (f *procFiles) scheduleOfAll(pid int) (schedule, error) {
	all, err := f.schedule(fmt.Sprintf("/proc/%d", pid))
	if err != nil || all.threads < 2 {
		return all, err
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return all, err
	}
	for _, t := range threads {
		if t.Name() == strconv.Itoa(pid) {
			continue
		}
		s, err := f.schedule(fmt.Sprintf("/proc/%d/task/%s", pid, t.Name()))
		if err != nil {
			continue // it has just ended
		}
		all.asleep = all.asleep && s.asleep
		all.switches += s.switches
	}
	return all, nil
}

// schedule is how the process or thread at a place in /proc stands. How often it has gone to sleep is asked first: where that is more
// than before, what sleeps now has worked since.
func (f *procFiles) schedule(place string) (s schedule, err error) {
	if s.switches, err = f.sleeps(place); err != nil {
		return s, err
	}
	state, threads, err := f.state(place)
	s.threads, s.stopped, s.asleep = threads, state == "T", state == "S" && !f.busy(place)
	return s, err
}

// state is the letter of its state, and how many threads its process has.
func (f *procFiles) state(place string) (letter string, threads int, err error) {
	text, err := f.read(place + "/stat")
	if err != nil {
		return "", 0, err
	}
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // the name, in brackets, may hold anything
	if len(fields) < 18 {
		return "", 0, fmt.Errorf("%s/stat says %q", place, text)
	}
	threads, err = strconv.Atoi(fields[17])
	return fields[0], threads, err
}

// sleeps is how often it has gone to sleep, or, where the kernel counts that, how often it was its turn: to say this takes the
// kernel a tenth of the time.
func (f *procFiles) sleeps(place string) (uint64, error) {
	if text, err := f.read(place + "/schedstat"); err == nil {
		fields := strings.Fields(text)
		if len(fields) == 3 {
			if turns, err := strconv.ParseUint(fields[2], 10, 64); err == nil && turns > 0 {
				return turns, nil
			}
		}
	}
	text, err := f.read(place + "/status")
	if err != nil {
		return 0, err
	}
	_, value, _ := strings.Cut(text, "\nvoluntary_ctxt_switches:")
	value, _, _ = strings.Cut(value, "\n")
	return strconv.ParseUint(strings.TrimSpace(value), 10, 64)
}

// allAsleep reports whether all threads of a process sleep. One that has ended does not.
func (f *procFiles) allAsleep(pid int) bool {
	all, err := f.scheduleOfAll(pid)
	return err == nil && all.asleep
}

// busy reports whether a process that counts as sleeping is in the middle of something: it waits for a file system that is
// a program, as some engines have for their containers (FUSE), or it has woken up since, and waits nowhere ("0").
func (f *procFiles) busy(place string) bool {
	at, err := f.read(place + "/wchan")
	switch {
	case err != nil:
		return false // a kernel that does not tell
	case at == "0":
		return waitsKnown()
	default:
		return strings.Contains(at, "fuse") || at == "request_wait_answer" || strings.Contains(at, "seccomp")
	}
}
