package provision

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/hostfile"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Options say what is to be loaded.
type Options struct {
	// Path is a main file, a folder, or a fragment; empty for the config that the image itself has. Nothing outside of its
	// folder is read, but Dockerfiles and Compose files of the two folders above, in the same git repository.
	Path string
	// Revision is one of the git repository that Path is in, to read Path of; empty for the files as they stand.
	Revision string
	// Env are variables of the environment, for templates of envsubst.
	Env map[string]string
	// Image is the user's own image. Its files are part of what he runs then; without one the image is the lab's, and what
	// its distribution configures is none of the config's business.
	Image string
	// CA is the certificate, in PEM, of the authority that the lab's upstreams have theirs from. It is put wherever the
	// config says whom it trusts as an upstream. Without one an authority of our own is.
	CA string
	// CAKey is that authority's key, in PEM. It is only needed for configs with a list of revoked upstreams (proxy_ssl_crl).
	CAKey string
}

// A Tree is a config as it stands in the lab.
type Tree struct {
	At      string // the folder of the config in the lab: "/etc/nginx"
	Main    string // the main file in the lab, with its full path; set by Settle for an image's own config
	Root    string // the folder that was read
	Wrapper bool   // the main file is ours, around fragments
	Files   []agentapi.File
	// Supplied are all things that the lab made up.
	Supplied []audit.Supply
	// Flags are files by whose being there the config is switched, and that are not there.
	Flags []Flag
	// Notes are what the reader should know: what was left out, and why.
	Notes []string
	// Program is nginx's own: "nginx", or where an image has it. Version is its version ("1.22.1").
	Program string
	Version string
	// Prefix is the folder that nginx takes relative paths from, ErrorLog its log where the config names none.
	Prefix, ErrorLog string
	// Args are arguments for nginx beside -c: those of the image's own start, and -g with modules and, where neither that nor
	// the config has a daemon directive, "daemon off;".
	Args []string
	// Hosts are names of upstreams that no DNS could have ("${backend}"), by the address that the lab's /etc/hosts gives them.
	Hosts map[string]string
	// Daemon is true when the config itself says "daemon on;", so that nginx leaves the foreground.
	Daemon bool
	// Client is a certificate that servers with ssl_verify_client accept, with its key, both in PEM; empty when none asks.
	Client, ClientKey string

	options      Options
	start        start
	source       *source            // what the user's files are read from, while they are
	userFiles    map[string]item    // the user's files, relative to Root
	links        map[string]string  // of those, the links, and what they say
	unread       map[string]*unread // those that were not read
	mounted      map[string]string  // path in the lab -> one of those, for what a Dockerfile or a Compose file brings there
	index        map[string]int     // Files by path
	origin       map[string]string  // path in the lab -> the user's file
	pending      []agentapi.File    // not put yet
	image        map[string]string  // files of the image that were looked at
	configDir    string             // the folder of the config, relative to Root: what At stands for
	fragments    []fragment         // what the wrapper includes
	definitions  map[string][]string
	admitted     map[string]bool // files that were admitted, with their context
	includeGlobs []includeGlob
	globIncluded map[string]bool   // names of folders of which an include with a wildcard of the user's takes files
	chosen       map[string]bool   // the user's main file, or fragments
	defined      string            // the code of all of the user's files, for what it defines
	guessed      map[string]string // values of variables that were found by trying
	environment  map[string]string // variables of the environment that are known by what stands beside the config
	ports        map[string]string // of variables that are listened on
	// guessing is the variable whose value is being tried, nil for none.
	guessing   *guess
	anyName    bool            // files are taken for config by what is in them, whatever their names
	admitting  []string        // the files that are being admitted, the outermost first
	dropped    map[string]bool // directives of the outer http block that the fragments have
	servers    int
	missing    map[string]bool     // included, and nowhere among the user's files
	names      map[string][]string // the user's files by their last name; see called
	globbed    int
	listed     map[string]bool
	modules    []string
	addedSites map[string]bool // files that nothing included, where they were brought to
	view       *view
	secrets    *secrets
}

type fragment struct{ file, kind string }

// An includeGlob is an include with a wildcard: further files can be put where it matches.
type includeGlob struct {
	glob, context string // "main", "http", "stream", ...
	file          string // the user's file with the include
	line          int
}

// At is where a config stands in the lab.
const defaultDir = "/etc/nginx"

// Load reads the user's files and finds the main one. The error is a *Refused when there is nothing to load, when it is
// too much, or when it is a template that has to be rendered first.
func Load(o Options) (*Tree, error) {
	t := &Tree{At: defaultDir, options: o, userFiles: map[string]item{}, index: map[string]int{}, origin: map[string]string{}, image: map[string]string{},
		definitions: map[string][]string{}, admitted: map[string]bool{}, listed: map[string]bool{},
		mounted: map[string]string{}, links: map[string]string{}, dropped: map[string]bool{}, ports: map[string]string{}}
	if o.Path == "" {
		return t, nil
	}
	src, err := openSource(o)
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = src.close() // it was read only
		t.source = nil
	}()
	t.source, t.Root = src, src.shown
	if t.userFiles, t.unread, err = src.readFolder(); err != nil {
		return nil, err
	}
	for name, it := range t.userFiles {
		if it.link != "" {
			t.links[name] = it.link
		}
	}
	if src.text != nil {
		if err := t.readNamed(); err != nil {
			return nil, err
		}
	}
	if err := t.arrange(src.named, src.text == nil); err != nil {
		return nil, err
	}
	return t, nil
}

// readNamed reads the file that the user named, which may not be among those that were read of its folder.
func (t *Tree) readNamed() error {
	name := t.source.named
	data, err := t.source.text()
	it, not := textItem(data, err)
	if not == nil {
		t.userFiles[name] = it
		return nil
	}
	kind, remedy := "empty", nameConfig
	if big := (*hostfile.TooBigError)(nil); errors.As(err, &big) {
		kind, remedy = "limit", "name an nginx.conf, or a folder that has one"
	}
	return refuse(kind, nginxconf.Place{File: name}, remedy, "this file %s", not.why)
}

// arrange finds the main file, or fragments to put a main file around, and gives each file its place in the lab.
func (t *Tree) arrange(named string, folder bool) error {
	there, err := t.mounts()
	if err != nil {
		return err
	}
	var main string
	var frags []fragment
	switch {
	case named != "" && !folder:
		if _, ok := t.userFiles[named]; !ok {
			return refuse("empty", nginxconf.Place{File: named}, nameConfig, "this is no text file")
		}
		switch kind := kindOf(outline(t.text(named))); kind {
		case whole:
			main = named
		case snippet:
			if r := foreign(t.text(named), named); r != nil {
				return r
			}
			if len(outline(t.text(named))) == 0 {
				return refuse("empty", nginxconf.Place{File: named}, nameConfig, "there is no directive in it")
			}
			frags = []fragment{{named, inHTTP}}
		default:
			frags = []fragment{{named, kind}}
		}
	default:
		for _, t.anyName = range []bool{false, true} {
			if named == "" || named == "." {
				main = t.findMain(there)
			}
			if main == "" {
				frags = t.findFragments(named)
			}
			if main != "" || len(frags) > 0 {
				break
			}
		}
		if main == "" && len(frags) == 0 {
			for _, name := range keys(t.userFiles) {
				if r := foreign(t.text(name), name); r != nil && looksLikeConfig(name) { // its own language hides what it is
					return r
				}
			}
			for _, name := range keys(t.unread) {
				if r := unreadConfig(name, t.unread[name]); r != nil {
					return r
				}
			}
			return refuse("empty", nginxconf.Place{}, nameConfig, "no nginx config was found in %s", t.Root)
		}
	}
	if main != "" {
		t.configDir = path.Dir(main)
	} else {
		if folder {
			if frags, err = t.leaveOut(frags); err != nil {
				return err
			}
		}
		t.configDir = layOf(frags)
	}
	t.chosen = map[string]bool{main: true}
	for _, f := range frags {
		t.chosen[f.file] = true
	}
	t.placeAll(there, main)
	if main != "" && whole == kindOf(outline(t.text(main))) && hasEvents(t, main) {
		to, _ := target(t.labPath(main))
		t.Main = to
		return t.admit(t.Main, "main", nginxconf.Place{})
	}
	if main != "" {
		frags = []fragment{{main, whole}}
	}
	for i, f := range frags {
		frags[i].file, _ = target(t.labPath(f.file))
	}
	t.fragments = frags
	return t.wrap()
}

// unreadConfig refuses a file that can't be read and is config by its name.
func unreadConfig(name string, not *unread) *Refused {
	ext := path.Ext(name)
	if not != notAsked && !isSample(name) && (ext == ".conf" || ext == ".vhost" || ext == ".nginx" || ext == ".ngx") {
		return refuse("limit", nginxconf.Place{File: name}, "mend that, or take it out", "this file %s", not.why)
	}
	return nil
}

// leaveOut leaves those fragments out that can't be read, or that only their own tool can fill, and notes it. Where none would be
// left, and where nginx reads all files of that folder, so that what is measured would be another config, that is the reason of a refusal.
func (t *Tree) leaveOut(all []fragment) ([]fragment, error) {
	inOneFolder := func(name string) bool {
		dir := path.Base(path.Dir(name))
		return siteFolders[dir] && dir != "sites-available" && dir != "templates"
	}
	var notes []string
	var kept []fragment
	for _, f := range all {
		r := foreign(t.text(f.file), f.file)
		if r == nil {
			kept = append(kept, f)
			continue
		}
		if inOneFolder(f.file) {
			return nil, r
		}
		notes = append(notes, fmt.Sprintf("%s was left out: %s", f.file, r.Message))
		if len(notes) == len(all) {
			return nil, r
		}
	}
	for _, name := range keys(t.unread) {
		r := unreadConfig(name, t.unread[name])
		if r == nil {
			continue
		}
		if inOneFolder(name) || len(kept) == 0 {
			return nil, r
		}
		notes = append(notes, fmt.Sprintf("%s was left out: it %s", name, t.unread[name].why))
	}
	t.Notes = append(t.Notes, notes...)
	return kept, nil
}

// hasEvents reports whether a main file is complete: nginx wants an events block, which an include may bring.
func hasEvents(t *Tree, main string) bool {
	for _, n := range outline(t.text(main)) {
		if n.name == "events" {
			return true
		}
		if n.name == "include" && len(n.args) == 1 {
			for name, it := range t.userFiles {
				if path.Base(name) == path.Base(n.args[0]) && strings.Contains(it.text, "events") {
					return true
				}
			}
		}
	}
	return false
}

// text is that of a user's file, through links.
func (t *Tree) text(name string) string {
	for range 8 {
		it, ok := t.userFiles[name]
		if !ok || it.link == "" {
			return it.text
		}
		if path.IsAbs(it.link) {
			rest, ok := strings.CutPrefix(it.link, defaultDir+"/")
			if !ok {
				return ""
			}
			name = path.Join(t.configDir, rest)
			continue
		}
		name = path.Join(path.Dir(name), it.link)
	}
	return ""
}

// findMain finds the main file of a folder: where a Dockerfile or a Compose file says that it goes, by its name and place,
// or else by what is in it.
func (t *Tree) findMain(there []mount) string {
	names, isWhole := keys(t.userFiles), map[string]bool{}
	for _, m := range there {
		found := ""
		m.each(names, func(from, to string) {
			if to, _ = target(to); found != "" || path.Base(to) != "nginx.conf" {
				return
			}
			if _, known := isWhole[from]; !known {
				isWhole[from] = kindOf(outline(t.text(from))) == whole
			}
			if isWhole[from] {
				found = from
			}
		})
		if found != "" {
			return found
		}
	}
	type candidate struct {
		name string
		rank int
	}
	var all []candidate
	for _, name := range names {
		if !t.mayBeConfig(name) || kindOf(outline(t.text(name))) != whole {
			continue
		}
		plainName, filled := target(name)
		rank := 100 * strings.Count(name, "/")
		switch base := strings.ToLower(path.Base(plainName)); {
		case base == "nginx.conf" && !filled:
		case base == "nginx.conf":
			rank += 1
		case strings.HasPrefix(base, "nginx.conf"): // nginx.conf.j2
			rank += 2
		case strings.Contains(base, "nginx") && strings.Contains(base, "prod"):
			rank += 20
		case strings.Contains(base, "nginx"):
			rank += 30
		default:
			rank += 450
		}
		if notForProduction(name) {
			rank += 50
		}
		all = append(all, candidate{name, rank})
	}
	sort.SliceStable(all, func(i, k int) bool { return all[i].rank < all[k].rank })
	if len(all) == 0 {
		return ""
	}
	var others []string
	for _, c := range all[1:] {
		others = append(others, c.name)
	}
	if len(others) > 0 {
		if len(others) > 4 {
			others = append(others[:4], "...")
		}
		t.Notes = append(t.Notes, fmt.Sprintf("%s was taken for the main file; there are others, to be named by their path: %s",
			all[0].name, strings.Join(others, ", ")))
	}
	return all[0].name
}

// findFragments finds the files of a folder that a main file would include.
func (t *Tree) findFragments(under string) []fragment {
	var all []fragment
	included := map[string]bool{}
	t.globIncluded = map[string]bool{}
	enabled := false
	for _, name := range keys(t.userFiles) {
		if !t.mayBeConfig(name) {
			continue
		}
		eachNode(outline(t.text(name)), func(n node) {
			switch {
			case n.name != "include" || len(n.args) != 1:
			case strings.ContainsAny(n.args[0], "*?"):
				t.globIncluded[path.Base(path.Dir(n.args[0]))] = true
			default:
				included[path.Base(n.args[0])] = true
			}
		})
		enabled = enabled || strings.Contains(name, "sites-enabled/")
	}
	done := map[string]bool{}
	for _, kinds := range [][]string{{inHTTP, inStream}, {inServer}} {
		for _, name := range keys(t.userFiles) {
			dir := path.Base(path.Dir(name))
			to, filled := target(name)
			switch {
			case !t.mayBeConfig(name), under != "" && !strings.HasPrefix(name, under+"/"),
				included[path.Base(name)] && !siteFolders[dir],
				enabled && dir == "sites-available", done[to]:
				continue
			}
			if _, both := t.userFiles[to]; filled && both {
				continue
			}
			if kind := kindOf(outline(t.text(name))); kind == kinds[0] || kind == kinds[len(kinds)-1] {
				if dir == "stream.d" || dir == "streams-enabled" || dir == "stream-conf.d" {
					kind = inStream
				}
				done[to] = true
				all = append(all, fragment{name, kind})
			}
		}
		if kinds[0] == inHTTP && slices.ContainsFunc(all, func(f fragment) bool { return !isSample(f.file) }) {
			all = append(all, t.looseLocations(under, included, done)...)
		}
		if len(all) > 0 {
			if slices.ContainsFunc(all, func(f fragment) bool { return !isSample(f.file) }) {
				all = slices.DeleteFunc(all, func(f fragment) bool { return isSample(f.file) })
			}
			// Of two that exclude each other the first stays.
			sort.SliceStable(all, func(i, k int) bool { return !notForProduction(all[i].file) && notForProduction(all[k].file) })
			return all
		}
	}
	return nil
}

// looseLocations are the files beside those with servers that hold locations alone, and that nothing includes.
func (t *Tree) looseLocations(under string, included, done map[string]bool) []fragment {
	var all []fragment
	for _, name := range keys(t.userFiles) {
		to, _ := target(name)
		if !t.mayBeConfig(name) && !strings.HasSuffix(name, "_location") || isSample(name) || under != "" && !strings.HasPrefix(name, under+"/") ||
			included[path.Base(name)] || t.globIncluded[path.Base(path.Dir(name))] || done[to] || foreign(t.text(name), name) != nil {
			continue
		}
		if kindOf(outline(t.text(name))) == inServer {
			done[to] = true
			all = append(all, fragment{name, inServer})
			t.Notes = append(t.Notes, fmt.Sprintf("%s holds locations alone, and nothing here includes it: the lab put a server of its own around it", name))
		}
	}
	return all
}

// notForProduction reports, by its name, whether a file is rather not what runs in production.
func notForProduction(name string) bool {
	for _, odd := range []string{"test", "example", "sample", "dev", "local", "vendor", "doc", "staging"} {
		if strings.Contains(strings.ToLower(name), odd) && !strings.Contains(name, "docker") {
			return true
		}
	}
	return false
}

// layOf is the folder that stands for /etc/nginx, for fragments: the one that holds their conf.d or sites-enabled.
func layOf(frags []fragment) string {
	lay := ""
	for i, f := range frags {
		dir := path.Dir(f.file)
		if siteFolders[path.Base(dir)] {
			dir = path.Dir(dir)
		}
		if i == 0 {
			lay = dir
			continue
		}
		for lay != "." && dir != lay && !strings.HasPrefix(dir, lay+"/") {
			lay = path.Dir(lay)
		}
	}
	return lay
}

func eachNode(nodes []node, do func(node)) {
	for _, n := range nodes {
		do(n)
		eachNode(n.block, do)
	}
}
