package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// bootstrap runs mmdebstrap with a list of sources, "" for its own, and has
// the engine make a suite's base image of what it writes, while it writes it. It
// returns what the tool said.
func (e *Engine) bootstrap(ctx context.Context, suite, tool, list string) (output string, err error) {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(running, tool, bootstrapArgs(e.arch, suite, list)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	dir, remove, err := TempDir(scratch(), bootstrapDir)
	if err != nil {
		return "", fmt.Errorf("making a folder to put the base image together in: %w", err)
	}
	defer remove()
	if err := os.Chmod(dir, 0o755); err != nil { // apt fetches as a user of its own
		return "", fmt.Errorf("opening the folder to put the base image together in: %w", err)
	}
	cmd.Env = append(cmd.Env, "TMPDIR="+dir)
	own(cmd)
	cmd.Stdin = strings.NewReader(list)
	cmd.Stderr = &said
	// Killed, it would leave its folder and mounts behind; asked, it cleans up.
	// It asks its whole process group in turn, which must not be ours.
	detach(cmd)
	cmd.Cancel = func() error { return stop(cmd) }
	cmd.WaitDelay = 10 * time.Second
	archive, w := io.Pipe()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		return "", err
	}
	// If the tool fails, so does the import, and the other way round: half an
	// image must never be taken for a whole one. The one that failed first is
	// the one to tell of.
	var failed error // how the tool ended, once it has
	ended := make(chan struct{})
	go func() {
		failed = cmd.Wait()
		close(ended)
		w.CloseWithError(failed) // nil is the end of the archive
	}()
	imported := e.importBase(running, suite, archive)
	var made error
	select {
	case <-ended:
		made = failed
	default:
		if imported != nil {
			cancel()
			archive.CloseWithError(imported)
			<-ended
		} else {
			<-ended
			made = failed
		}
	}
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case made != nil:
		return said.String(), fmt.Errorf("mmdebstrap: %w", made)
	case imported != nil:
		return said.String(), fmt.Errorf("the engine's import: %w", imported)
	}
	return "", nil
}

// bootstrapDir is what the folder is called that mmdebstrap works in.
const bootstrapDir = "badgateway-base-*"

// bootstrapArgs returns mmdebstrap's arguments. The sources, if there are any,
// come on its standard input; the archive goes to its standard output.
func bootstrapArgs(arch, suite, list string) []string {
	args := []string{
		"--quiet", "--variant=apt", "--format=tar",
		"--architectures=" + debianArchitecture(arch), "--dpkgopt=force-unsafe-io",
	}
	// Where this version of it has the hook, /bin is a link from the start, and
	// the package that would make it one, with all of Perl, is not needed.
	const merged = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
	if _, err := os.Stat(merged); err == nil {
		args = append(args, "--hook-dir="+merged)
	}
	// The lists of a release that is made anew every day expire, and a mirror
	// that is a week behind still serves.
	if suite == "sid" {
		args = append(args, `--aptopt=Acquire::Check-Valid-Until "false"`)
	}
	for _, k := range keyrings() {
		args = append(args, "--keyring="+k)
	}
	args = append(args, suite, "-")
	if list != "" {
		args = append(args, "-")
	}
	return args
}

// importBase makes of an archive of a root file system a suite's base image.
func (e *Engine) importBase(ctx context.Context, suite string, archive io.Reader) error {
	result, err := e.client.ImageImport(ctx,
		client.ImageImportSource{Source: archive, SourceName: "-"}, baseRef(suite),
		client.ImageImportOptions{Changes: []string{
			fmt.Sprintf("LABEL %s=image", e.label),
			"ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			`CMD ["/bin/sh"]`,
		}})
	if err != nil {
		return err
	}
	defer result.Close()
	return follow(result, io.Discard)
}

// debianArchitecture gives an architecture the name Debian has for it.
func debianArchitecture(arch string) string {
	switch arch {
	case "386":
		return "i386"
	case "arm":
		return "armhf"
	case "ppc64le":
		return "ppc64el"
	}
	return arch
}
