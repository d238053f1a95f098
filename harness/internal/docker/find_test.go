package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	. "github.com/onsi/gomega"
)

func TestWhereNoEngineAnswersTheErrorIsOneLineWithARemedy(t *testing.T) {
	for _, host := range []string{"unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1", "ssh://me@host", "nonsense"} {
		t.Run(host, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv("HOME", t.TempDir())
			t.Setenv("DOCKER_HOST", host)
			// A named engine that does not answer must not lead to another, nor
			// to an installation.
			e, err := Find(context.Background(), Options{Install: true})
			g.Expect(e).To(BeNil())
			var no *NoEngineError
			g.Expect(errors.As(err, &no)).To(BeTrue(), "%v", err)
			g.Expect(no.Host).To(Equal(host))
			g.Expect(no.Remedy).NotTo(BeEmpty())
			g.Expect(err.Error()).To(And(ContainSubstring(host), HaveSuffix(no.Remedy), Not(ContainSubstring("\n"))))
		})
	}
}

func TestAnEngineThatThisUserMayNotUseIsNotMissing(t *testing.T) {
	g := NewWithT(t)
	err := error(&NoEngineError{Host: "unix:///x.sock", Err: fs.ErrPermission, Remedy: remedyFor(candidate{}, fs.ErrPermission)})
	g.Expect(err.Error()).To(Equal("a container engine runs at unix:///x.sock, but this user may not use it: " +
		"run `sudo usermod -aG docker $USER` and log in again, or run this with sudo"))
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("this user may use any socket")
	}
	path := filepath.Join(t.TempDir(), "d.sock")
	l, err := net.Listen("unix", path)
	g.Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	g.Expect(os.Chmod(path, 0)).To(Succeed())
	t.Setenv("DOCKER_HOST", "unix://"+path)
	_, err = Find(context.Background(), Options{})
	g.Expect(errors.Is(err, fs.ErrPermission)).To(BeTrue(), "%v", err)
}

func TestTheEngineIsTheOneTheUserNames(t *testing.T) {
	g := NewWithT(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("DOCKER_HOST", "")
	write := func(path, text string) {
		path = filepath.Join(home, path)
		g.Expect(os.MkdirAll(filepath.Dir(path), 0o755)).To(Succeed())
		g.Expect(os.WriteFile(path, []byte(text), 0o644)).To(Succeed())
	}
	first := func() candidate {
		c, err := candidates()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(c[0].way).NotTo(BeEmpty())
		c[0].way = ""
		return c[0]
	}
	g.Expect(first().named).To(BeFalse(), "nothing is named: the usual socket")

	write(".testcontainers.properties", "# mine\ndocker.host = tcp://10.0.0.1:2375\n")
	g.Expect(first()).To(Equal(candidate{host: "tcp://10.0.0.1:2375", named: true}))

	sum := sha256.Sum256([]byte("far"))
	id := hex.EncodeToString(sum[:])
	write(".docker/config.json", `{"currentContext":"far"}`)
	write(".docker/contexts/meta/"+id+"/meta.json", `{"Name":"far","Endpoints":{"docker":{"Host":"tcp://10.0.0.2:2376"}}}`)
	g.Expect(first()).To(Equal(candidate{host: "tcp://10.0.0.2:2376", named: true}))
	write(".docker/contexts/tls/"+id+"/docker/cert.pem", "")
	g.Expect(first().certs).To(Equal(filepath.Join(home, ".docker/contexts/tls", id, "docker")))

	t.Setenv("DOCKER_CONTEXT", "lost")
	_, err := candidates()
	g.Expect(err).To(MatchError(ContainSubstring("docker context lost")))

	t.Setenv("DOCKER_HOST", "tcp://10.0.0.3:2375")
	g.Expect(first()).To(Equal(candidate{host: "tcp://10.0.0.3:2375", named: true}))
	write(".testcontainers.properties", "tc.host=tcp://10.0.0.4:2375\n")
	g.Expect(first()).To(Equal(candidate{host: "tcp://10.0.0.4:2375", named: true}))
}

func TestAnEngineAcrossANetworkIsRemote(t *testing.T) {
	g := NewWithT(t)
	for host, remote := range map[string]bool{
		"unix:///var/run/docker.sock":    false,
		"npipe:////./pipe/docker_engine": false,
		"tcp://127.0.0.1:2375":           false,
		"tcp://[::1]:2375":               false,
		"tcp://localhost:2375":           false,
		"tcp://10.0.0.1:2375":            true,
		"tcp://build.example:2376":       true,
	} {
		g.Expect(isRemote(host)).To(Equal(remote), host)
	}
}

func TestFindTellsWhatTheEngineIs(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	g.Expect(e.Version()).NotTo(BeEmpty())
	g.Expect(machines).To(HaveKey(e.Architecture()))
}

func TestEnginesAreLookedForAtTheirUsualSockets(t *testing.T) {
	g := NewWithT(t)
	home, run := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("COLIMA_HOME", "")
	t.Setenv("XDG_RUNTIME_DIR", run)
	if runtime.GOOS == "windows" {
		t.Skip("on Windows an engine listens at a named pipe")
	}
	for _, path := range []string{
		filepath.Join(run, "docker.sock"), filepath.Join(run, "podman/podman.sock"), filepath.Join(home, ".docker/run/docker.sock"),
		filepath.Join(home, ".docker/desktop/docker.sock"), filepath.Join(home, ".colima/default/docker.sock"),
		filepath.Join(home, ".orbstack/run/docker.sock"), filepath.Join(home, ".rd/docker.sock"),
		filepath.Join(home, ".lima/docker/sock/docker.sock"),
	} {
		g.Expect(os.MkdirAll(filepath.Dir(path), 0o755)).To(Succeed())
		g.Expect(os.WriteFile(path, nil, 0o600)).To(Succeed())
		all, err := candidates()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(all).To(ContainElement(candidate{host: "unix://" + path, way: usual}))
		g.Expect(os.Remove(path)).To(Succeed())
	}
	g.Expect(usualSockets(home)).To(HaveEach(Not(Equal(""))))
}

func TestTLSThatIsAskedForWithoutAFolderTakesDockersOwn(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("DOCKER_CONFIG", "/conf")
	t.Setenv("DOCKER_CERT_PATH", "")
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	g.Expect(certsFor("tcp://10.0.0.1:2376", "/home/me")).To(Equal("/conf"))
	g.Expect(certsFor("unix:///x.sock", "/home/me")).To(BeEmpty())
	t.Setenv("DOCKER_CERT_PATH", "/certs") // the client reads it itself
	g.Expect(certsFor("tcp://10.0.0.1:2376", "/home/me")).To(BeEmpty())
	t.Setenv("DOCKER_CERT_PATH", "")
	t.Setenv("DOCKER_TLS_VERIFY", "")
	g.Expect(certsFor("tcp://10.0.0.1:2375", "/home/me")).To(BeEmpty())
}
