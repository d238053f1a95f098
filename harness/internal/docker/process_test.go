package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/testcontainers/testcontainers-go/log"
)

// logged makes what testcontainers writes to its default logger a test's own.
func logged(t *testing.T) *strings.Builder {
	t.Helper()
	lines := &recorder{}
	was := log.Default()
	log.SetDefault(lines)
	t.Cleanup(func() {
		if log.Default() != log.Logger(lines) {
			t.Error("testcontainers' default logger was replaced")
		}
		log.SetDefault(was)
	})
	return &lines.Builder
}

type recorder struct{ strings.Builder }

func (r *recorder) Printf(format string, a ...any) { fmt.Fprintf(&r.Builder, format+"\n", a...) }

func TestFind_LeavesTheProcessAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the engines of this test listen at sockets")
	}
	home := t.TempDir()
	named := func(t *testing.T) string { // a context of docker's
		sum := sha256.Sum256([]byte("near"))
		dir := filepath.Join(home, "docker")
		meta := filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json")
		if err := os.MkdirAll(filepath.Dir(meta), 0o755); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf(`{"Endpoints":{"docker":{"Host":"unix://%s"}}}`, fakeEngine(t))
		if err := os.WriteFile(meta, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, set := range map[string]func(t *testing.T){
		"an engine by DOCKER_HOST": func(t *testing.T) { t.Setenv("DOCKER_HOST", "unix://"+fakeEngine(t)) },
		"by a context": func(t *testing.T) {
			t.Setenv("DOCKER_HOST", "")
			t.Setenv("DOCKER_CONTEXT", "near")
			t.Setenv("DOCKER_CONFIG", named(t))
		},
		"by ssh": func(t *testing.T) {
			t.Setenv("DOCKER_HOST", "ssh://far.example")
			t.Setenv(dialTo, fakeEngine(t))
			t.Setenv("SELF", os.Args[0])
			sshThat(t, "exec \"$SELF\" -test.run '^TestDialStdio$'\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv("HOME", home)
			set(t)
			lines, before := logged(t), os.Environ()
			e, err := Find(context.Background(), Options{})
			g.Expect(err).NotTo(HaveOccurred())
			defer e.Close()
			g.Expect(os.Environ()).To(Equal(before))
			g.Expect(lines.String()).To(BeEmpty())
		})
	}
}

func TestCredentials_AskNoEngine(t *testing.T) {
	g := NewWithT(t)
	lines := logged(t)
	t.Setenv("DOCKER_HOST", "unix://"+fakeEngine(t))
	t.Setenv("DOCKER_AUTH_CONFIG", `{"auths": {
		"https://index.docker.io/v1/": {"username": "me", "password": "of the public one"},
		"registry.example:5000":       {"username": "me", "password": "of another"}}}`)
	g.Expect(credentials("nginx:1.29")).NotTo(BeEmpty())
	g.Expect(credentials("registry.example:5000/company/gateway:4")).NotTo(Equal(credentials("nginx:1.29")))
	g.Expect(credentials("elsewhere.example/nginx")).To(BeEmpty())
	g.Expect(lines.String()).To(BeEmpty())
}

func TestEnvironment_LeadsAChildToTheSameEngine(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("DOCKER_HOST", "tcp://10.0.0.9:2375")
	of := func(e *Engine) []string { return (&exec.Cmd{Env: e.environment()}).Environ() }
	g.Expect(of(&Engine{host: "ssh://me@far.example"})).To(And(
		ContainElement("DOCKER_HOST=ssh://me@far.example"), Not(ContainElement("DOCKER_HOST=tcp://10.0.0.9:2375"))))
	g.Expect(of(&Engine{host: "tcp://10.0.0.2:2376", certs: "/certs"})).To(
		ContainElements("DOCKER_HOST=tcp://10.0.0.2:2376", "DOCKER_CERT_PATH=/certs", "DOCKER_TLS_VERIFY=1"))
	g.Expect(os.Getenv("DOCKER_HOST")).To(Equal("tcp://10.0.0.9:2375"))
}
