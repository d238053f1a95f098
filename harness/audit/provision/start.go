package provision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A start is how an image comes to run nginx.
type start struct {
	known   bool
	argv    []string          // ENTRYPOINT and CMD, or what those run in the end
	env     map[string]string // the image's own environment
	foreign bool              // argv is no nginx: a script, or an init, that has to be run to see what it does
	ran     bool              // it was run
	written map[string]bool   // what it wrote
}

// Identity is what the processes of an image run as.
type Identity struct {
	User, Dir string
	Env       []string
}

// inits are programs that only start another.
var inits = map[string]bool{"tini": true, "tini-static": true, "dumb-init": true, "catatonit": true, "docker-init": true}

// StartsBy says how the image is started in production: by its ENTRYPOINT and CMD, with its ENV.
func (t *Tree) StartsBy(argv, env []string) {
	for len(argv) > 0 && inits[path.Base(argv[0])] {
		for argv = argv[1:]; len(argv) > 0 && strings.HasPrefix(argv[0], "-"); argv = argv[1:] {
		}
	}
	t.start = start{known: true, argv: argv, env: map[string]string{}, written: map[string]bool{}}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		t.start.env[name] = value
	}
	for name, value := range t.options.Env {
		t.start.env[name] = value
	}
	if t.options.Path != "" {
		t.options.Env = t.start.env // templates are filled with it, as the image's own start would
	}
	t.start.foreign = len(argv) > 0 && !nginx.IsProgram(argv[0])
	if t.start.foreign && t.options.Path != "" {
		// It would be run for the config that the image has.
		t.Notes = append(t.Notes, fmt.Sprintf("the image's start (%s) is not run, as the config is another than the image's: "+
			"templates are filled with its ENV, and what else it writes or changes is not there", strings.Join(argv, " ")))
		t.start.argv = nil
	}
}

// Rehearses reports whether the image's own start has to be run to know what it does.
func (t *Tree) Rehearses() bool { return t.start.foreign && t.options.Path == "" }

// A Trial is a sandbox in which an image's start is run.
type Trial interface {
	Gateway
	// Written is all that was written in the sandbox.
	Written(ctx context.Context) ([]agentapi.File, error)
}

// rehearsalDir is where a rehearsal notes how nginx was run.
const rehearsalDir = "/badgateway-start"

// Rehearse runs the image's own start as far as to nginx. That is not run: a script in its place notes what it is called with.
// What was written until then, such as configs made of templates, is part of the config from now on.
func (t *Tree) Rehearse(ctx context.Context, g Trial, as Identity) (Identity, error) {
	places, err := t.placeRecorder(ctx, g)
	if err != nil {
		return as, err
	}
	out, err := g.Exec(ctx, t.start.argv...)
	if ctx.Err() != nil {
		return as, context.Cause(ctx)
	}
	files, rerr := g.ReadTree(ctx, rehearsalDir)
	if rerr != nil {
		return as, rerr
	}
	argv, called := files[rehearsalDir+"/argv"]
	command := strings.Join(t.start.argv, " ")
	switch {
	case called:
	case err != nil:
		return as, refuse("start", nginxconf.Place{}, "see what `docker run` says of it", "the image does not start: %v", err)
	case out.Code != 0:
		return as, refuse("start", nginxconf.Place{}, "see what `docker run` says of it", "the image's start (%s) ends before it runs nginx: %s", command, lastLine(out.Output))
	default:
		t.Notes = append(t.Notes, fmt.Sprintf("the image's start (%s) runs no nginx: it is started with the config that it was built with", command))
		t.start.argv = nil
		return as, nil
	}
	t.start.ran = true
	t.start.argv = strings.Split(strings.TrimSuffix(argv, "\x00"), "\x00")
	as.Dir = strings.TrimSpace(files[rehearsalDir+"/dir"])
	as.Env = environ(files[rehearsalDir+"/env"])
	if uid, gid, ok := processUser(files[rehearsalDir+"/who"]); ok && (as.User == "" || as.User == "root" || as.User == "0") && uid != "0" {
		as.User = uid + ":" + gid
	}
	wrote, err := g.Written(ctx)
	if err != nil {
		return as, refuse("limit", nginxconf.Place{}, "see what it writes", "the image's start can't be followed: %v", err)
	}
	for _, f := range wrote {
		if f.Path != rehearsalDir && !strings.HasPrefix(f.Path, rehearsalDir+"/") && !places[f.Path] {
			t.put(f)
			t.start.written[f.Path] = true
		}
	}
	return as, nil
}

// placeRecorder puts a script in the place of every nginx that the image's start may find.
func (t *Tree) placeRecorder(ctx context.Context, g Gateway) (map[string]bool, error) {
	var all []string
	for _, dir := range strings.Split(t.start.env["PATH"]+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ":") {
		for _, name := range []string{"nginx", "nginx-debug", "openresty", "angie", "freenginx"} {
			all = append(all, path.Join("/", dir, name))
		}
	}
	for _, program := range nginx.Driver.Programs {
		if path.IsAbs(program) {
			all = append(all, program)
		}
	}
	found, err := g.There(ctx, all...)
	if err != nil {
		return nil, err
	}
	var version agentapi.Executed
	for _, program := range found {
		if version, err = g.Exec(ctx, program, "-V"); err == nil && version.Code == 0 {
			break
		}
	}
	places := map[string]bool{}
	files := []agentapi.File{{Path: rehearsalDir, Dir: true, Mode: 0o777}}
	for _, program := range found {
		if !places[program] {
			places[program] = true
			text := strings.ReplaceAll(recorderScript, "PROGRAM", program)
			files = append(files, agentapi.File{Path: program, Mode: 0o755, Data: strings.ReplaceAll(text, "VERSION", strings.ReplaceAll(version.Output, "'", `'\''`))})
		}
	}
	if len(places) == 0 {
		return nil, errors.New("the image has no nginx where one is looked for")
	}
	return places, g.Put(ctx, files...)
}

// recorderScript notes how nginx is called, and ends all that the start has begun. A look at version or config is answered.
const recorderScript = `#!/bin/sh
for a; do
    case $a in
    -v|-V) printf '%s\n' 'VERSION' >&2; exit 0;;
    -t|-T|-tq|-qt|-s|-h) exit 0;;
    -g|-c|-p|-e) break;;
    esac
done
for a; do case $a in -t|-T|-s) exit 0;; esac; done
umask 0
cd=$(pwd)
printf '%s\n' "$cd" > /badgateway-start/dir
cat /proc/self/environ > /badgateway-start/env
while read -r k v rest; do
    case $k in Uid:|Gid:) printf '%s %s\n' "$k" "$v";; esac
done < /proc/self/status > /badgateway-start/who
{ printf '%s\0' 'PROGRAM'; for a; do printf '%s\0' "$a"; done; } > /badgateway-start/argv
kill -9 -1
`

// environ are the variables of a process, without those that a shell keeps for itself.
func environ(text string) []string {
	var all []string
	for _, pair := range strings.Split(text, "\x00") {
		switch name, _, ok := strings.Cut(pair, "="); {
		case !ok, name == "PWD", name == "OLDPWD", name == "SHLVL", name == "_":
		default:
			all = append(all, pair)
		}
	}
	return all
}

// processUser reads the user and the group of a process.
func processUser(text string) (uid, gid string, ok bool) {
	for line := range strings.Lines(text) {
		switch name, id, _ := strings.Cut(strings.TrimSpace(line), " "); name {
		case "Uid:":
			uid = id
		case "Gid:":
			gid = id
		}
	}
	return uid, gid, uid != "" && gid != ""
}

// options are those of nginx's command line: -c, -p, -g and -e, whose values may stand in the same word.
func (s start) options() map[string]string {
	all := map[string]string{}
	if len(s.argv) == 0 {
		return all
	}
	for i := 1; i < len(s.argv); i++ {
		a := s.argv[i]
		if len(a) < 2 || a[0] != '-' || !strings.Contains("cpge", a[1:2]) {
			continue
		}
		if value := a[2:]; value != "" {
			all[a[:2]] = value
		} else if i++; i < len(s.argv) {
			all[a] = s.argv[i]
		}
	}
	return all
}
