package docker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// aptGet returns the path of apt-get, "" where packages don't come that way.
func aptGet() string {
	if runtime.GOOS != "linux" {
		return ""
	}
	path, err := exec.LookPath("apt-get")
	if err != nil {
		return ""
	}
	return path
}

// installable reports whether this process may install packages: as root, on
// Debian, Ubuntu and their kin.
func installable() bool { return aptGet() != "" && os.Geteuid() == 0 }

// install makes an engine run on this machine: what is installed is started,
// what is not is installed first.
func install(ctx context.Context, o Options) error {
	log := o.logger()
	return locked(ctx, "engine", log, func() error {
		if _, err := exec.LookPath("dockerd"); err != nil {
			log.Info("installing a container engine (docker.io)")
			if err := aptInstall(ctx, "docker.io"); err != nil {
				return err
			}
		}
		if _, err := os.Stat("/var/run/docker.sock"); err == nil {
			if out, err := exec.CommandContext(ctx, "pidof", "dockerd").Output(); err == nil && len(out) > 0 {
				return nil // the package, or another process, has started it
			}
		}
		log.Info("starting the container engine")
		return start(ctx)
	})
}

// start starts the engine through the machine's service manager, or by itself
// where there is none, as in a container.
func start(ctx context.Context) error {
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		return run(ctx, "systemctl", "start", "docker")
	}
	if _, err := os.Stat("/etc/init.d/docker"); err == nil {
		if err := run(ctx, "service", "docker", "start"); err == nil {
			return nil
		}
	}
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(dir, "dockerd.log"))
	if err != nil {
		return err
	}
	defer out.Close()
	forgetDeadDaemon("/var/run/docker.pid")
	daemon := exec.Command("dockerd")
	daemon.Stdout, daemon.Stderr = out, out
	detach(daemon)
	if err := daemon.Start(); err != nil {
		return fmt.Errorf("starting dockerd: %w", err)
	}
	return daemon.Process.Release()
}

// forgetDeadDaemon removes the pid file of an engine that was killed. Where
// nobody waits for orphans, as in many containers, the dead process is still
// listed, and the engine takes it for a running one.
func forgetDeadDaemon(pidFile string) {
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		return
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "stat"))
	if err != nil || !bytes.Contains(stat, []byte("(dockerd) ")) || bytes.Contains(stat, []byte("(dockerd) Z ")) {
		_ = os.Remove(pidFile)
	}
}

// aptInstall installs packages. The package lists are fetched only if the
// first try fails, as on most machines they are there and good.
func aptInstall(ctx context.Context, packages ...string) error {
	args := append([]string{"-q", "-y", "-o", "Dpkg::Use-Pty=0", "install", "--no-install-recommends"}, packages...)
	if err := run(ctx, "apt-get", args...); err == nil {
		return nil
	}
	if err := run(ctx, "apt-get", "-q", "update"); err != nil {
		return err
	}
	return run(ctx, "apt-get", args...)
}

// run runs a program of the machine's; the error carries the end of its output.
func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, lastLines(string(out), 5))
	}
	return nil
}
