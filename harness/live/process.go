package live

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// A process is one of the machine's.
type process struct {
	pid, parent int
	title       []string // its command line, or what it calls itself
	user        int      // its effective ids
	groups      []int
	inside      bool // of a container, as this one's processes are none of ours
}

// processes are those that can be seen; all says whether that is all of them.
func (m Machine) processes() (found []process, all bool) {
	dirs, _ := fs.Glob(m.Files, "proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(path.Base(dir))
		if err != nil {
			continue
		}
		line, err := fs.ReadFile(m.Files, dir+"/cmdline")
		if err != nil || len(line) == 0 { // one of the kernel's, or one that has ended
			continue
		}
		all = all || pid == 1
		p := process{pid: pid, title: strings.FieldsFunc(string(line), func(r rune) bool { return r == 0 })}
		status, _ := fs.ReadFile(m.Files, dir+"/status")
		p.status(string(status))
		if len(p.title) > 0 {
			found = append(found, p)
		}
	}
	return found, all
}

// status reads what /proc/PID/status says.
func (p *process) status(text string) {
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(line, ":")
		var numbers []int
		for _, field := range strings.Fields(rest) {
			if n, err := strconv.Atoi(field); err == nil {
				numbers = append(numbers, n)
			}
		}
		switch {
		case len(numbers) == 0:
		case key == "PPid":
			p.parent = numbers[0]
		case key == "Uid" && len(numbers) > 1:
			p.user = numbers[1]
		case key == "Gid" && len(numbers) > 1:
			p.groups = append(p.groups, numbers[1])
		case key == "Groups":
			p.groups = append(p.groups, numbers...)
		case key == "NSpid":
			p.inside = len(numbers) > 1
		}
	}
}

// user is the name of a user's id, from /etc/passwd.
func (m Machine) user(id int) string {
	text, _ := fs.ReadFile(m.Files, "etc/passwd")
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[2] == strconv.Itoa(id) {
			return f[0]
		}
	}
	return "uid " + strconv.Itoa(id)
}
