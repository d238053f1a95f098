package docker

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// usualSockets are the paths at which engines listen that nobody has named, the
// likelier first. Docker's own is tried before all of them.
func usualSockets(home string) []string {
	own := []string{}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		own = append(own, dir)
	}
	if dir := filepath.Join("/run/user", strconv.Itoa(os.Getuid())); len(own) == 0 || own[0] != dir {
		own = append(own, dir)
	}
	var all []string
	for _, dir := range own { // docker without root
		all = append(all, filepath.Join(dir, "docker.sock"))
	}
	colima := os.Getenv("COLIMA_HOME")
	if colima == "" {
		colima = filepath.Join(home, ".colima")
	}
	all = append(all,
		filepath.Join(home, ".docker/run/docker.sock"),       // Docker Desktop on macOS
		filepath.Join(home, ".docker/desktop/docker.sock"),   // and on Linux
		filepath.Join(colima, "default/docker.sock"),         // colima
		filepath.Join(home, ".orbstack/run/docker.sock"),     // OrbStack
		filepath.Join(home, ".rd/docker.sock"),               // Rancher Desktop
		filepath.Join(home, ".lima/docker/sock/docker.sock"), // Lima
		filepath.Join(home, ".lima/docker-rootful/sock/docker.sock"),
	)
	// Podman listens where its socket unit is enabled, or `podman system service` runs.
	if os.Getuid() == 0 {
		all = append(all, "/run/podman/podman.sock")
	}
	for _, dir := range own {
		all = append(all, filepath.Join(dir, "podman/podman.sock"))
	}
	if runtime.GOOS == "darwin" { // the socket of `podman machine`
		all = append(all,
			filepath.Join(os.TempDir(), "podman/podman-machine-default-api.sock"),
			filepath.Join(home, ".local/share/containers/podman/machine/podman.sock"))
	}
	return all
}
