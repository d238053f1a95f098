package docker

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestThePidFileOfADeadEngineIsForgotten(t *testing.T) {
	for name, pid := range map[string]string{
		"of nobody": "4194999\n", "of a program that is no engine": strconv.Itoa(os.Getpid()), "of nonsense": "x",
	} {
		file := filepath.Join(t.TempDir(), "docker.pid")
		if err := os.WriteFile(file, []byte(pid), 0o644); err != nil {
			t.Fatal(err)
		}
		forgetDeadDaemon(file)
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("the pid file %s is still there", name)
		}
	}
	forgetDeadDaemon(filepath.Join(t.TempDir(), "none")) // nothing to forget
}
