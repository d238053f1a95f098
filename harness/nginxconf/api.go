package nginxconf

import "time"

// Files are the files of a config, by slash-separated path relative to its folder, and links by their target.
type Files interface {
	// Read gives a file's text. It follows links. The error is fs.ErrNotExist for a file that is not there.
	Read(path string) ([]byte, error)
	// Glob gives the files that a pattern of nginx's include matches, sorted.
	Glob(pattern string) ([]string, error)
	// All lists every file.
	All() []string
}

// Read reads the config with that main file. Paths in the config that begin with a prefix of at ("/etc/nginx") are
// looked up in files; other absolute paths are looked up as they are, and relative ones in the folder of the main file.
//
// Its errors are those of form only (a brace that is missing), and name file and line; what nginx itself would object
// to is for nginx to say.
func Read(files Files, main string, at string) (*Config, error) { panic("todo") }

// Ways are all ways from visitors to upstreams, in the order of the config.
func (c *Config) Ways() []Way { panic("todo") }

// Find gives all directives of that name, anywhere, in order.
func (c *Config) Find(name string) []*Directive { panic("todo") }

// Effective is the directive of that name that holds in a block: its own, or the nearest that it inherits; nil when there
// is none. Directives that come in lists (proxy_set_header, proxy_next_upstream's arguments aside) are inherited only when
// a block has none of its own: then all of them are given.
func Effective(block *Directive, name string) []*Directive { panic("todo") }

// Locate answers as nginx's own search for a location does (exact, ^~, regex in order, longest prefix, nested): the
// innermost location of a server that serves the path, or the server itself.
func Locate(server *Directive, path string) *Directive { panic("todo") }

// Of gives the time-outs in effect for a way, nginx's defaults included.
func (w Way) Timeouts() Timeouts { panic("todo") }

// Duration reads nginx's notation of time ("60s", "1m30s", "500ms", "10").
func Duration(text string) (time.Duration, error) { panic("todo") }

// Size reads nginx's notation of sizes ("4k", "1m").
func Size(text string) (int64, error) { panic("todo") }

// Durations are all the times that the config names in directives of time, and nginx's defaults that apply: where a
// visitor's wait can end.
func (c *Config) Durations() []time.Duration { panic("todo") }
