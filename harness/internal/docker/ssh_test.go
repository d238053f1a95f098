package docker

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	. "github.com/onsi/gomega"
)

// fakeEngine listens at a socket and says what it is, as an engine does.
func fakeEngine(t *testing.T) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bg") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "e.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		_ = json.NewEncoder(w).Encode(map[string]any{"Version": "7.8.9", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"})
	})}
	go server.Serve(l)
	t.Cleanup(func() {
		server.Close()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	})
	return socket
}

// sshThat puts a program that is called ssh at the head of the PATH.
func sshThat(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the program that stands in for ssh is a shell script")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// dialTo names the socket that TestDialStdio joins its standard streams to.
const dialTo = "BADGATEWAY_TEST_DIAL"

// TestDialStdio is no test: it is what `docker system dial-stdio` does on the other machine.
func TestDialStdio(t *testing.T) {
	socket := os.Getenv(dialTo)
	if socket == "" {
		t.Skip("it is a part of another test")
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		os.Exit(1)
	}
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		conn.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(os.Stdout, conn)
	os.Exit(0)
}

func TestAnEngineIsReachedBySSH(t *testing.T) {
	g := NewWithT(t)
	t.Setenv(dialTo, fakeEngine(t))
	t.Setenv("SELF", os.Args[0])
	sshThat(t, `test "$*" = "-o BatchMode=yes -o ConnectTimeout=30 -T -l me -p 2222 -- far.example docker system dial-stdio" || exit 9
exec "$SELF" -test.run '^TestDialStdio$'
`)
	t.Setenv("DOCKER_HOST", "ssh://me@far.example:2222")
	e, err := Find(context.Background(), Options{})
	g.Expect(err).NotTo(HaveOccurred())
	defer e.Close()
	g.Expect(e.Version()).To(Equal("7.8.9"))
	g.Expect(e.Host()).To(Equal("ssh://me@far.example:2222"))
	g.Expect(e.IsRemote()).To(BeTrue())
}

func TestWhatSSHSaysIsTheError(t *testing.T) {
	g := NewWithT(t)
	sshThat(t, "echo 'Host key verification failed.' >&2; exit 255\n")
	t.Setenv("DOCKER_HOST", "ssh://far.example")
	_, err := Find(context.Background(), Options{})
	g.Expect(err).To(MatchError(And(
		ContainSubstring("ssh://far.example (Host key verification failed.)"), ContainSubstring("DOCKER_HOST=ssh://far.example docker version"))))
}

func TestSSHAddressesThatCannotBeMeant(t *testing.T) {
	g := NewWithT(t)
	for _, host := range []string{"ssh://", "ssh://-oProxyCommand=x", "ssh://me:secret@far", "ssh://far/var/run/docker.sock"} {
		_, err := sshCommand(host)
		g.Expect(err).To(HaveOccurred(), host)
	}
}
