package docker

import (
	"crypto/rand"
	"os"
	"strconv"
	"strings"
	"sync"
)

// owner is a process that makes things on the engine, as Label names it:
// host/where/pid/started/unique.
type owner struct {
	host    string
	where   string // the kernel and the process namespace that the pid counts in
	pid     int
	started string // when, as the kernel counts; "" where that is not known
	// unique keeps two processes apart that are alike in all else, as those of
	// two containers may be that have one host name.
	unique string
}

func (o owner) String() string {
	return strings.Join([]string{o.host, o.where, strconv.Itoa(o.pid), o.started, o.unique}, "/")
}

// parseOwner reads a label's value, which may go on after the owner: see
// buildLabel. One of another form names no owner.
func parseOwner(s string) (owner, bool) {
	parts := strings.Split(s, "/")
	if len(parts) < 5 {
		return owner{}, false
	}
	pid, err := strconv.Atoi(parts[2])
	o := owner{host: parts[0], where: parts[1], pid: pid, started: parts[3], unique: parts[4]}
	return o, err == nil && pid > 0 && o.unique != ""
}

// self is this process.
var self = sync.OnceValue(func() owner {
	return owner{
		host: hostname(), where: processNamespace(), pid: os.Getpid(),
		started: startOf(os.Getpid()), unique: strings.ToLower(rand.Text()[:12]),
	}
})

// dead reports whether an owner has certainly ended. Of one whose process can't
// be seen from here nothing is certain.
func (o owner) dead() (dead, certain bool) {
	if o.host != self().host || o.where != self().where {
		return false, false
	}
	if !alive(o.pid) {
		return true, true
	}
	now := startOf(o.pid) // else another process may have got its number
	return o.started != "" && now != "" && now != o.started, true
}

// belongs reports whether a label's value says that a thing is an owner's, or
// part of one of his.
func belongs(value, to string) bool {
	return value == to || strings.HasPrefix(value, to+"/")
}

// hostname names this machine; several may share a remote engine.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return strings.ReplaceAll(name, "/", "-")
}
