package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// maxRounds bounds the rounds of nginx -t. Each provides all that is lacking of one kind, and a config has few kinds.
const maxRounds = 60

// Settle puts the files into a sandbox and supplies what nginx finds lacking until it loads the config. The error is a
// *Refused when that can't be had.
func (t *Tree) Settle(ctx context.Context, g Gateway) error {
	st := &settler{t: t, g: g, ctx: ctx, exists: map[string]bool{}, made: map[string]bool{}}
	if err := st.inspectImage(); err != nil {
		return err
	}
	said, times := "", 0
	left := testLimit
	for range maxRounds {
		if err := st.provideAhead(); err != nil {
			return err
		}
		if err := st.flush(); err != nil {
			return err
		}
		began := time.Now()
		out, err := test(ctx, g, left, t.Argv("-t"))
		left -= time.Since(began)
		if err != nil {
			return fmt.Errorf("running nginx -t: %w", err)
		}
		if out.Code == 0 {
			t.guessing = nil
			done, err := st.complete()
			if err != nil || done {
				return err
			}
			continue
		}
		if out.Late || left <= 0 {
			return refuse("limit", t.Place(t.Main, 0), "name a smaller part of the config, or see what it runs while it is read (init_by_lua)",
				"nginx -t does not come to its end within %v", testLimit)
		}
		e := firstStartupError(out.Output)
		if e.text == "" {
			return refuse("mistake", t.Place(t.Main, 0), "see what nginx says", "nginx does not load the config: %s", lastLine(out.Output))
		}
		if st.tryNextValue(e) {
			continue
		}
		if times++; e.String() != said {
			said, times = e.String(), 0
		}
		if times > 3 { // what was supplied does not help
			return t.refusalOf(e)
		}
		fixed, err := st.resolve(e)
		if refused := (*Refused)(nil); errors.As(err, &refused) || err == nil && !fixed {
			if left, err := t.leaveOutLocations(e); left || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if refused != nil {
				return t.plusFirst(refused)
			}
		}
		if err != nil {
			return err
		}
		if !fixed {
			return t.refusalOf(e)
		}
	}
	return refuse("limit", nginxconf.Place{}, "name a smaller part of the config", "after %d rounds nginx still lacks something: %s", maxRounds, said)
}

// testLimit is how long nginx may take to read the config, in all rounds together: 30,000 locations take some seconds, and more
// on a busy machine.
const testLimit = 30 * time.Second

// test runs nginx -t, with the time that a large config takes.
func test(ctx context.Context, g Gateway, limit time.Duration, argv []string) (agentapi.Executed, error) {
	if patient, ok := g.(interface {
		ExecWithin(ctx context.Context, limit time.Duration, argv ...string) (agentapi.Executed, error)
	}); ok {
		return patient.ExecWithin(ctx, limit, argv...)
	}
	return g.Exec(ctx, argv...)
}

// Argv is the command line that runs nginx on the config, with further arguments ("-t").
func (t *Tree) Argv(more ...string) []string {
	all := []string{t.Program, "-c", t.Main}
	return append(append(all, t.Args...), more...)
}

// A settler is at work on a tree in one sandbox.
type settler struct {
	t      *Tree
	g      Gateway
	ctx    context.Context
	exists map[string]bool // paths of the image that were asked for
	made   map[string]bool // files that were made in place of whatever stood there
	needed []neededFile
	flags  map[string]bool // files by whose being there the config is switched
	roots  []string        // variables, in small letters, that were defined as defaultRoot
	prefix string          // nginx's own, for paths that are relative to it
	mods   map[string]string
	build  nginx.Build

	routesOf     *nginxconf.Config // the config of configRoutes
	configRoutes []nginxconf.Route
}

// inspectImage finds out what the image has: its nginx, that one's folders, and the files that a config finds there.
func (st *settler) inspectImage() error {
	t := st.t
	if err := st.findNginx(); err != nil {
		return err
	}
	options := t.start.options()
	t.Prefix, t.ErrorLog = st.build.Prefix, st.build.ErrorLog
	if p := options["-p"]; p != "" {
		t.Prefix = path.Clean(p)
	}
	if e := options["-e"]; e != "" {
		t.ErrorLog = e
	}
	st.prefix = t.Prefix
	conf := st.build.Conf
	if c := options["-c"]; c != "" {
		if conf = c; !path.IsAbs(c) {
			conf = path.Join(t.Prefix, c)
		}
	}
	dirs := []string{path.Dir(conf)}
	for _, dir := range []string{path.Dir(st.build.Conf), defaultDir} {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range dirs {
		files, err := st.g.ReadTree(st.ctx, dir)
		if err != nil {
			return fmt.Errorf("reading %s of the image: %w", dir, err)
		}
		for name, text := range files {
			if !path.IsAbs(name) {
				name = path.Join(dir, name)
			}
			t.image[name] = text
		}
	}
	for _, dir := range []string{path.Dir(st.build.Conf)} { // files that come with nginx are found in a config's folder, wherever nginx itself has them
		if dir == defaultDir {
			continue
		}
		for name, text := range t.image {
			if rest, ok := strings.CutPrefix(name, dir+"/"); ok && bundled[path.Base(name)] && !t.has(defaultDir+"/"+rest) && t.image[defaultDir+"/"+rest] == "" {
				t.put(agentapi.File{Path: defaultDir + "/" + rest, Data: text})
			}
		}
	}
	if t.Main == "" {
		return st.useImageConfig(conf)
	}
	st.clearDistribution()
	// Read once more, with what the image has: its files may include, and be included.
	t.admitted, t.includeGlobs, t.servers, t.missing, t.globbed = map[string]bool{}, nil, 0, nil, 0
	if err := t.admit(t.Main, "main", nginxconf.Place{}); err != nil {
		return err
	}
	t.args()
	return nil
}

// useImageConfig takes the config that the image itself has.
func (st *settler) useImageConfig(conf string) error {
	t := st.t
	t.Main, t.At = conf, path.Dir(conf)
	if _, _, ok := t.read(conf); !ok {
		return refuse("empty", nginxconf.Place{File: conf}, "name a path, or an image whose nginx has a config", "the image has no config there")
	}
	for _, name := range keys(t.image) {
		t.origin[name] = name
		if to, template := target(name); !t.start.known && template && strings.HasPrefix(name, defaultDir+"/templates/") && t.image[to] == "" {
			t.origin[to] = name // as the image's own start would
			t.put(agentapi.File{Path: to, Data: t.image[name]})
		}
	}
	for name := range t.start.written {
		t.origin[name] = name
	}
	if err := t.admit(t.Main, "main", nginxconf.Place{}); err != nil {
		return err
	}
	t.args()
	direct := len(t.start.argv) > 0 && !t.start.ran
	if direct && !t.admitted["daemon"] && !strings.Contains(t.start.options()["-g"], "daemon") {
		return refuse("start", t.Place(t.Main, 0), "write `daemon off;` there, or -g 'daemon off;' into CMD",
			"nginx leaves the foreground at its start (%s), and the container ends with it", strings.Join(t.start.argv, " "))
	}
	return nil
}

// findNginx finds the image's nginx, and learns how it was built.
func (st *settler) findNginx() error {
	t := st.t
	programs := nginx.Driver.Programs
	if len(t.start.argv) > 0 {
		programs = append([]string{t.start.argv[0]}, programs...)
	}
	var said error
	for _, program := range programs {
		out, err := st.g.Exec(st.ctx, program, "-V")
		if err == nil {
			st.build, err = nginx.ReadBuild(out.Output)
		}
		if err == nil {
			t.Program, t.Version = program, st.build.Version
			return nil
		}
		if st.ctx.Err() != nil {
			return context.Cause(st.ctx)
		}
		said = cmp.Or(said, err)
	}
	return fmt.Errorf("asking the image's nginx for its version: %w", said)
}

// bundled are the files that nginx itself comes with.
var bundled = map[string]bool{"mime.types": true, "fastcgi_params": true, "fastcgi.conf": true, "uwsgi_params": true, "scgi_params": true,
	"proxy_params": true, "koi-utf": true, "koi-win": true, "win-utf": true}

// clearDistribution takes away what the distribution configures: none of it is the user's, unless the image is his own.
func (st *settler) clearDistribution() {
	t := st.t
	for _, name := range keys(t.image) {
		if t.has(name) {
			continue
		}
		dir := path.Base(path.Dir(name))
		own := t.options.Image != ""
		switch {
		case dir == "conf.d" || dir == "sites-enabled" || dir == "http.d":
			if own && path.Base(name) != "default.conf" && path.Base(name) != "default" {
				continue
			}
		case dir == "modules-enabled" && !own:
		case dir == "sites-available" && !own && t.included(name): // some configs have their own sites there
		default:
			continue
		}
		t.put(agentapi.File{Path: name})
	}
}

// included reports whether an include with a wildcard matches a file.
func (t *Tree) included(file string) bool {
	for _, s := range t.includeGlobs {
		if ok, _ := path.Match(s.glob, file); ok {
			return true
		}
	}
	return false
}

// args sets the arguments for nginx.
func (t *Tree) args() {
	options := t.start.options()
	globals := options["-g"]
	if globals = strings.TrimSpace(globals); globals != "" && !strings.HasSuffix(globals, ";") {
		globals += ";"
	}
	if !t.admitted["daemon"] && !strings.Contains(globals, "daemon") {
		globals += " daemon off;"
	}
	for _, m := range t.modules {
		globals += " load_module " + m + ";"
	}
	t.Args = nil
	for _, o := range []string{"-p", "-e"} {
		if value := options[o]; value != "" {
			t.Args = append(t.Args, o, value)
		}
	}
	if globals = strings.TrimSpace(globals); globals != "" {
		t.Args = append(t.Args, "-g", globals)
	}
}

// flush writes what was made up since the last time. Folders and links go as they came: their order is kept.
func (st *settler) flush() error {
	if len(st.t.pending) == 0 {
		return nil
	}
	err := st.g.Put(st.ctx, st.t.pending...)
	st.t.pending = nil
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return refuse("limit", st.t.Place(st.t.Main, 0), "name a folder with fewer files, or a smaller part of the config",
			"the config's %d files take more room than a lab gives to all that is written, 64 MiB and 65,536 files", len(st.t.Files))
	case err != nil:
		return fmt.Errorf("putting the config into the lab: %w", err)
	}
	return nil
}

// complete looks at a config that nginx loads: one without a server is none.
func (st *settler) complete() (bool, error) {
	t := st.t
	if t.servers > 0 {
		return true, t.misspeltUpstream()
	}
	found, err := t.addSites()
	if err != nil {
		return false, err
	}
	if !found {
		return false, refuse("empty", t.Place(t.Main, 0), "name the folder that holds its sites too, or the site's own file",
			"nginx loads the config, but it has no server: there is nothing to check")
	}
	return false, nil
}

// A startupError is nginx's first complaint.
type startupError struct {
	text string // without its place
	file string // in the lab
	line int
}

func (e startupError) String() string {
	if e.file == "" {
		return e.text
	}
	return fmt.Sprintf("%s in %s:%d", e.text, e.file, e.line)
}

var (
	emergLine         = regexp.MustCompile(`(?m)\[emerg\](?: \d+#\d+:)? (.*)$`)
	alertLine         = regexp.MustCompile(`(?m)\[(?:alert|crit)\](?: \d+#\d+:)? (.*)$`)
	startupErrorPlace = regexp.MustCompile(`^(.*) in (/[^:]+):(\d+)$`)
)

func firstStartupError(out string) startupError {
	m := emergLine.FindStringSubmatch(out)
	if m == nil {
		for _, a := range alertLine.FindAllStringSubmatch(out, -1) {
			if !strings.Contains(a[1], "could not open error log file") {
				m = a
			}
		}
	}
	if m == nil {
		return startupError{}
	}
	if p := startupErrorPlace.FindStringSubmatch(strings.TrimSpace(m[1])); p != nil {
		line, _ := strconv.Atoi(p[3]) // they are digits
		return startupError{p[1], p[2], line}
	}
	return startupError{text: strings.TrimSpace(m[1])}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
