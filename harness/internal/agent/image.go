//go:build linux

package agent

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// imageEnv is the environment that the image gives its programs: the engine gave it to this one.
func imageEnv() []string {
	env := os.Environ()
	if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "PATH=") }) {
		env = append(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	return env
}

// runAs makes all processes of the sandbox run as the engine would run them: as that user, in that folder, with these
// variables. Users and groups are looked up in the image, as an engine does it.
func (j *jail) runAs(spec agentapi.CatchAllSpec) error {
	j.dir, j.env = spec.Dir, spec.Env
	if spec.User == "" {
		return nil
	}
	table := func(file string) *bytes.Reader {
		text, _, err := j.root.read(file, 0, readAtMost)
		if err != nil {
			text = nil // an image may have none, and name its user by number
		}
		return bytes.NewReader(text)
	}
	who, err := user.GetExecUser(spec.User, &user.ExecUser{Home: "/"}, table("/etc/passwd"), table("/etc/group"))
	if err != nil {
		return agentapi.Errorf(agentapi.ErrNoUser, "the image's USER %s: %v", spec.User, err)
	}
	j.env = append([]string{"HOME=" + who.Home}, j.env...)
	if who.Uid == 0 && who.Gid == 0 {
		return nil
	}
	j.as = &syscall.Credential{Uid: uint32(who.Uid), Gid: uint32(who.Gid)}
	for _, g := range who.Sgids {
		j.as.Groups = append(j.as.Groups, uint32(g))
	}
	return nil
}

// production has a command run as the sandbox's processes do.
func (j *jail) production(cmd *exec.Cmd) {
	cmd.SysProcAttr.Credential = j.as
	cmd.Env = append(cmd.Env, j.env...)
	cmd.Dir = j.dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
}

// layOut makes the folders and small files of one of the image's folders anew, with their owners: an image whose user is not
// root has to have prepared /run. What the engine has mounted there is not the image's.
func layOut(from, to string) error {
	var image, stat unix.Stat_t
	if err := unix.Stat("/", &image); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || unix.Lstat(name, &stat) != nil {
			return nil // as good as not there
		}
		rel, _ := filepath.Rel(from, name)
		at, mode := filepath.Join(to, rel), stat.Mode&0o7777
		switch {
		case stat.Dev != image.Dev && d.IsDir():
			return fs.SkipDir
		case stat.Dev != image.Dev:
			return nil
		case d.IsDir():
			err = os.MkdirAll(at, 0o755)
		case d.Type().IsRegular() && stat.Size <= 4096:
			var text []byte
			if text, err = os.ReadFile(name); err == nil {
				err = os.WriteFile(at, text, 0o644)
			}
		default:
			return nil
		}
		return errors.Join(err, os.Lchown(at, int(stat.Uid), int(stat.Gid)), unix.Chmod(at, mode))
	})
}
