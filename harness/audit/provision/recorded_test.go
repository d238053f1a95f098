package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A record is what a sandbox said while a config was settled on a real nginx. Played back, it stands for that nginx, and
// insists that the same files were put before each question: otherwise its answers would mean nothing.
type record struct {
	Steps []step
	image map[string]string
	at    int
	put   map[string]bool
	real  Gateway
}

type step struct {
	Argv   []string
	Put    []string `json:",omitempty"` // paths that were put since the last
	Output string
	Code   int
}

func recordFile(name string) string { return filepath.Join("testdata", "recorded", name+".json") }

// play gives a gateway for a test: a record, or with BADGATEWAY_SUPPLY_IMAGE a real one that is recorded anew.
func play(t *testing.T, name string) Gateway {
	r := &record{put: map[string]bool{}}
	if image := os.Getenv("BADGATEWAY_SUPPLY_IMAGE"); image != "" {
		r.real = begin(t, image)
		t.Cleanup(func() {
			save(t, recordFile(name), r.Steps)
			if r.image != nil {
				save(t, recordFile("image"), bare(r.image))
			}
		})
		return r
	}
	load(t, recordFile(name), &r.Steps)
	load(t, recordFile("image"), &r.image)
	t.Cleanup(func() {
		if !t.Failed() && r.at != len(r.Steps) {
			t.Errorf("nginx was asked %d times, %d times when it was recorded", r.at, len(r.Steps))
		}
	})
	return r
}

// bare keeps of the image's files what the cases read: that they are there, and the directives of the snippets.
func bare(image map[string]string) map[string]string {
	all := map[string]string{}
	for name, text := range image {
		all[name] = ""
		if strings.Contains(name, "/snippets/") {
			var lines []string
			for _, line := range strings.Split(code(text), "\n") {
				lines = append(lines, strings.TrimSpace(line))
			}
			all[name] = strings.Join(lines, "\n")
		}
	}
	return all
}

func save(t *testing.T, file string, v any) {
	data, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		err = os.WriteFile(file, append(data, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, file string, v any) {
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatalf("%v (make records with BADGATEWAY_SUPPLY_IMAGE=image go test)", err)
	}
}

func (r *record) Put(ctx context.Context, files ...agentapi.File) error {
	for _, f := range files {
		r.put[f.Path] = true
	}
	if r.real != nil {
		return r.real.Put(ctx, files...)
	}
	return nil
}

func (r *record) Exec(ctx context.Context, argv ...string) (agentapi.Executed, error) {
	var put []string
	for p := range r.put {
		put = append(put, p)
	}
	sort.Strings(put)
	r.put = map[string]bool{}
	if r.real != nil {
		out, err := r.real.Exec(ctx, argv...)
		r.Steps = append(r.Steps, step{argv, put, out.Output, out.Code})
		return out, err
	}
	if r.at >= len(r.Steps) {
		return agentapi.Executed{}, fmt.Errorf("not recorded: %q after %q was put", argv, put)
	}
	s := r.Steps[r.at]
	if !reflect.DeepEqual(s.Argv, argv) || strings.Join(s.Put, " ") != strings.Join(put, " ") {
		return agentapi.Executed{}, fmt.Errorf("step %d: recorded %q after %q was put, now %q after %q", r.at, s.Argv, s.Put, argv, put)
	}
	r.at++
	return agentapi.Executed{Output: s.Output, Code: s.Code}, nil
}

// There, Names and a single file are recorded as what a shell is asked for them.
func (r *record) There(ctx context.Context, paths ...string) ([]string, error) {
	return there(ctx, r, paths)
}

func (r *record) Names(ctx context.Context, dir string) ([]string, error) { return names(ctx, r, dir) }

func there(ctx context.Context, g interface {
	Exec(context.Context, ...string) (agentapi.Executed, error)
}, paths []string) (found []string, err error) {
	out, err := g.Exec(ctx, append([]string{"ls", "-d", "--"}, paths...)...)
	for _, line := range strings.Split(out.Output, "\n") {
		if filepath.IsAbs(line) {
			found = append(found, line)
		}
	}
	return found, err
}

func names(ctx context.Context, g interface {
	Exec(context.Context, ...string) (agentapi.Executed, error)
}, dir string) ([]string, error) {
	out, err := g.Exec(ctx, "ls", "-1", dir+"/")
	if err != nil || out.Code != 0 {
		return nil, err
	}
	return strings.Fields(out.Output), nil
}

func (r *record) ReadTree(ctx context.Context, dir string) (map[string]string, error) {
	if filepath.Dir(dir) == "/etc" && dir != defaultDir {
		out, err := r.Exec(ctx, "cat", dir)
		if err != nil || out.Code != 0 {
			return nil, err
		}
		return map[string]string{dir: out.Output}, nil
	}
	if r.real != nil {
		files, err := r.real.ReadTree(ctx, dir)
		if dir == defaultDir && err == nil {
			r.image = files
		}
		return files, err
	}
	files := map[string]string{}
	for name, text := range r.image {
		if strings.HasPrefix(name, dir+"/") {
			files[name] = text
		}
	}
	return files, nil
}
