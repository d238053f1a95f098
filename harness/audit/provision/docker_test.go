package provision

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// container is a gateway in a plain container without a network, for trying configs on a real nginx without a lab.
type container struct{ id string }

// real gives a container of the image that BADGATEWAY_SUPPLY_IMAGE names.
func real(t testing.TB) *container {
	image := os.Getenv("BADGATEWAY_SUPPLY_IMAGE")
	if image == "" {
		t.Skip("set BADGATEWAY_SUPPLY_IMAGE to an image with nginx to try this on a real one")
	}
	return begin(t, image)
}

func begin(t testing.TB, image string) *container {
	out, err := exec.Command("docker", "run", "-d", "--rm", "--network", "none", "--sysctl", "net.ipv4.ip_nonlocal_bind=1",
		"--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "--sysctl", "net.ipv6.ip_nonlocal_bind=1", "--entrypoint", "sleep", image, "600").CombinedOutput()
	if err != nil {
		t.Fatalf("starting a container: %v: %s", err, out)
	}
	c := &container{strings.TrimSpace(string(out))}
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", c.id).Run() })
	return c
}

func (c *container) Put(ctx context.Context, files ...agentapi.File) error {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	var gone []string
	for _, f := range files {
		h := &tar.Header{Name: strings.TrimPrefix(f.Path, "/"), Mode: int64(f.Mode), Size: int64(len(f.Data)), Typeflag: tar.TypeReg}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.Link, 0
		case f.Dir:
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case f.Path == "/etc/hosts":
			cmd := exec.CommandContext(ctx, "docker", "exec", "-i", c.id, "sh", "-c", "cat > /etc/hosts")
			cmd.Stdin = strings.NewReader(f.Data)
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			continue
		}
		if !f.Dir {
			gone = append(gone, f.Path)
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, f.Data); err != nil {
				return err
			}
		}
	}
	_ = w.Close()
	if len(gone) > 0 {
		_ = exec.CommandContext(ctx, "docker", append([]string{"exec", c.id, "rm", "-f"}, gone...)...).Run()
	}
	cmd := exec.CommandContext(ctx, "docker", "exec", "-i", c.id, "tar", "-xC", "/", "-f", "-")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

var notFound = regexp.MustCompile(`host not found in .*?"([^":]+)`)

func (c *container) Exec(ctx context.Context, argv ...string) (agentapi.Executed, error) {
	for range 100 {
		cmd := exec.CommandContext(ctx, "docker", append([]string{"exec", c.id}, argv...)...)
		out, err := cmd.CombinedOutput()
		if _, ok := err.(*exec.ExitError); err != nil && !ok {
			return agentapi.Executed{}, err
		}
		// Names resolve in the lab.
		if m := notFound.FindSubmatch(out); m != nil && regexp.MustCompile(`^[A-Za-z0-9._-]+$`).Match(m[1]) {
			line := fmt.Sprintf("198.18.0.9 %s", m[1])
			_ = exec.CommandContext(ctx, "docker", "exec", c.id, "sh", "-c", "echo "+line+" >> /etc/hosts").Run()
			continue
		}
		return agentapi.Executed{Output: string(out), Code: cmd.ProcessState.ExitCode()}, nil
	}
	return agentapi.Executed{}, fmt.Errorf("too many names")
}

func (c *container) There(ctx context.Context, paths ...string) ([]string, error) {
	return there(ctx, c, paths)
}

func (c *container) Names(ctx context.Context, dir string) ([]string, error) {
	return names(ctx, c, dir)
}

func (c *container) ReadTree(ctx context.Context, dir string) (map[string]string, error) {
	out, err := exec.CommandContext(ctx, "docker", "exec", c.id, "tar", "-chC", "/", "--ignore-failed-read", "-f", "-", strings.TrimPrefix(dir, "/")).Output()
	all := map[string]string{}
	if err != nil && len(out) == 0 {
		return all, nil
	}
	for r := tar.NewReader(bytes.NewReader(out)); ; {
		h, err := r.Next()
		if err != nil {
			return all, nil
		}
		if h.Typeflag == tar.TypeReg {
			text, _ := io.ReadAll(r)
			all[path.Join("/", h.Name)] = string(text)
		}
	}
}

// TestSettle_InAContainer settles the config that BADGATEWAY_SUPPLY_TRY names and says what came of it.
func TestSettle_InAContainer(t *testing.T) {
	paths := os.Getenv("BADGATEWAY_SUPPLY_TRY")
	if paths == "" {
		t.Skip("set BADGATEWAY_SUPPLY_TRY to paths of configs")
	}
	for _, p := range strings.Fields(paths) {
		t.Run(p, func(t *testing.T) {
			if p == "own" {
				p = "" // the image's own config
			}
			tree, err := Load(Options{Path: p})
			if err == nil {
				err = tree.Settle(t.Context(), real(t))
			}
			if tree != nil {
				for _, s := range tree.Supplied {
					t.Logf("%s:%d: %s %q: %s", s.Place.File, s.Place.Line, s.Kind, s.What, s.With)
				}
				for _, n := range tree.Notes {
					t.Log("note:", n)
				}
				t.Log(tree.Argv(), tree.servers)
			}
			if err != nil {
				t.Logf("REFUSED %v", err)
				if r, ok := err.(*Refused); ok {
					t.Logf("kind %s, nginx %s", r.Kind, r.Nginx)
				}
			}
		})
	}
}
