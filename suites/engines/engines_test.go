//go:build linux

// Package engines runs the catalogue on container engines other than the machine's own. It starts them itself, from Debian's
// packages in root file systems of their own; see `make test-engines`.
package engines

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

//go:embed up.sh
var up string

// An engine is one that the suite can start.
type engine struct {
	name  string
	suite string // the Debian release whose package it is
	setUp string // what is done in its root before it starts, as a shell has it
	run   string // its command, which listens at /engine/socket
}

const (
	dockerd = "dockerd --data-root /engine/data --exec-root /run/docker --pidfile /run/docker.pid --host unix:///engine/socket"
	podman  = "podman --root /engine/data --runroot /run/containers --cgroup-manager cgroupfs --runtime runc system service --time 0 unix:///engine/socket"
	// A container must not ask for more than this process may have itself.
	podmanLimits = `mkdir -p /etc/containers; printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' ` +
		`$(ulimit -Hn) $(ulimit -Hn) $(ulimit -Hu) $(ulimit -Hu) > /etc/containers/containers.conf`
	// Podman 4.3 asks for a million files for a lab's container all the same.
	limited = `printf '%s\n' '#!/bin/sh' ` +
		`'for a; do test "$before" = --bundle && sed -i "s/1048576/$(ulimit -Hn)/g" "$a/config.json"; before=$a; done' ` +
		`'exec runc "$@"' > /tmp/limited; chmod 755 /tmp/limited`
	remap    = "id dockremap > /dev/null 2>&1 || useradd --system dockremap; echo dockremap:100000:65536 | tee /etc/subuid > /etc/subgid"
	rootless = "id eng > /dev/null 2>&1 || useradd --create-home --uid 3000 eng; echo eng:200000:65536 | tee /etc/subuid > /etc/subgid; " +
		"mkdir -p /run/user/3000; chown eng /run/user/3000 /engine /engine/data; " +
		// A device that any user may open; the machine's own stays as it is.
		"mknod --mode 666 /run/tun c 10 200; mount --bind /run/tun /dev/net/tun"
	// Rootless Docker has no other way to stack file systems where the kernel lets no user mount an overlay.
	fuse           = "; mknod --mode 666 /run/fuse c 10 229; mount --bind /run/fuse /dev/fuse"
	rootlessDocker = "sh /usr/share/docker.io/contrib/dockerd-rootless.sh --data-root /engine/data/docker --host unix:///engine/socket " +
		"--storage-driver fuse-overlayfs"

	asUser = "setpriv --reuid 3000 --regid 3000 --clear-groups env HOME=/engine/data XDG_RUNTIME_DIR=/run/user/3000 "
)

var engines = []engine{
	{"docker 20.10", "bookworm", "", dockerd},
	{"docker 26.1", "trixie", "", dockerd},
	{"docker 26.1, userns-remap", "trixie", remap, dockerd + " --userns-remap dockremap"},
	{"docker 26.1, rootless", "trixie", rootless + fuse, asUser + rootlessDocker},
	{"docker of sid", "sid", "", dockerd},
	{"docker of sid, containerd image store", "sid", `echo '{"features":{"containerd-snapshotter":true}}' > /tmp/daemon.json`,
		dockerd + " --config-file /tmp/daemon.json"},
	{"podman 4.3", "bookworm", podmanLimits + "; " + limited, strings.Replace(podman, "--runtime runc", "--runtime /tmp/limited", 1)},
	{"podman 5.4", "trixie", podmanLimits, podman},
	{"podman 5.4, rootless", "trixie", podmanLimits + "; " + rootless,
		asUser + "podman --cgroup-manager cgroupfs --runtime runc system service --time 0 unix:///engine/socket"},
	{"podman of sid", "sid", podmanLimits, podman},
}

const packages = "docker.io,podman,runc,slirp4netns,uidmap,iptables,fuse-overlayfs,ca-certificates,netavark,aardvark-dns," +
	"iproute2,procps,catatonit,passt,rootlesskit"

func TestCatalogue_OnOtherEngines(t *testing.T) {
	if os.Getenv("BADGATEWAY_ENGINES") == "" {
		t.Skip("it takes an hour and some gigabytes: make test-engines")
	}
	if os.Geteuid() != 0 {
		t.Fatal("it starts engines, which takes root")
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		t.Fatal("it takes mmdebstrap: sudo apt-get install mmdebstrap")
	}
	command, err := filepath.Abs("../../bin/badgateway")
	if err != nil {
		t.Fatal(err)
	}
	// A folder that is named is kept, and saves the next run the packages.
	dir := os.Getenv("BADGATEWAY_ENGINES_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	only := regexp.MustCompile(os.Getenv("BADGATEWAY_ENGINES"))
	var table strings.Builder
	for _, e := range engines {
		if os.Getenv("BADGATEWAY_ENGINES") != "all" && !only.MatchString(e.name) {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			result := "failed"
			defer func() { fmt.Fprintf(&table, "%-40s %s\n", e.name, result) }()
			root := rootOf(t, dir, e.suite)
			r := start(t, filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "").Replace(e.name)), root, e)
			result = prove(t, command, r.host)
			result += "; " + r.killed(t, command)
		})
	}
	fmt.Print("\n", table.String(), "\n")
}

// rootOf is a root file system with the engines of a Debian release.
func rootOf(t *testing.T, dir, suite string) string {
	t.Helper()
	root := filepath.Join(dir, suite)
	if _, err := os.Stat(filepath.Join(root, "usr/sbin/dockerd")); err == nil {
		return root
	}
	out, err := exec.CommandContext(t.Context(), "mmdebstrap", "--quiet", "--variant=apt", "--format=directory",
		`--aptopt=Acquire::Check-Valid-Until "false"`, `--aptopt=APT::Install-Recommends "false"`, "--dpkgopt=force-unsafe-io",
		"--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr", "--include="+packages, suite, root).CombinedOutput()
	if err != nil {
		t.Fatalf("making a root of %s: %v\n%s", suite, err, out)
	}
	return root
}

// start starts an engine, which ends with the test.
func start(t *testing.T, dir, root string, e engine) running {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	line := e.run
	if e.setUp != "" {
		line = e.setUp + "; exec " + e.run
	}
	cmd := exec.Command("bash", "-c", up, "up.sh", dir, root, "bash", "-c", line)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // it ends with this
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	socket := filepath.Join(dir, "socket")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := exec.CommandContext(ctx, "curl", "--silent", "--fail", "--unix-socket", socket, "http://engine/_ping").Run()
		cancel()
		if err == nil {
			return running{host: "unix://" + socket, pid: cmd.Process.Pid, podman: strings.HasPrefix(e.name, "podman")}
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("the engine did not come up:\n%s", log)
		}
	}
}

var counts = regexp.MustCompile(`(?m)^\d+ passed, \d+ failed.*$`)

// prove runs the catalogue on an engine, images and all.
func prove(t *testing.T, command, host string) string {
	t.Helper()
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), command, args...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+host)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	found, err := run("doctor")
	t.Log(found)
	if err != nil {
		t.Errorf("doctor: %v", err)
		return "no lab"
	}
	out, err := run("run", "--all")
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err != nil {
		t.Errorf("run --all: %v\n%s", err, out)
	}
	return counts.FindString(out)
}
