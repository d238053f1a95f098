package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

const (
	// baseRef is the image under all others: a bare Debian with apt. Its tag
	// is part of every other image's hash.
	baseRef = "badgateway/base:" + suite
	// upstream is the image it is taken from where a registry answers.
	upstream = "debian:" + suite + "-slim"
)

// registryWithin bounds how long a registry is given to begin its answer;
// where packets to it are dropped, a pull would otherwise hang for minutes.
const registryWithin = 20 * time.Second

// base returns the reference of the base image, and makes it if it is not
// there: from the registry's Debian image, or, where no registry answers, from
// Debian packages.
func (e *Engine) base(ctx context.Context) (string, error) {
	err := locked(ctx, "image-base", e.say, func() error {
		if there, err := e.has(ctx, baseRef); err != nil || there {
			return err
		}
		pulled := e.baseFromRegistry(ctx)
		if pulled == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return e.baseFromPackages(ctx, pulled)
	})
	return baseRef, err
}

// baseFromRegistry makes the base of the registry's Debian image, by labelling
// it as ours. A copy that it had to pull keeps no name of its own afterwards.
func (e *Engine) baseFromRegistry(ctx context.Context) error {
	there, err := e.has(ctx, upstream)
	if err != nil {
		return err
	}
	if !there {
		e.say("pulling %s", upstream)
		if err := e.pull(ctx, upstream, registryWithin); err != nil {
			return err
		}
		defer e.client.ImageRemove(context.WithoutCancel(ctx), upstream, client.ImageRemoveOptions{})
	}
	return e.build(ctx, baseRef, []byte("FROM "+upstream+"\n"), nil)
}

// baseFromPackages makes the base with mmdebstrap, which writes it straight
// into the engine. The error tells also why the registry did not serve.
func (e *Engine) baseFromPackages(ctx context.Context, pulled error) error {
	fail := func(err error, output, remedy string) error {
		b := buildError(baseRef, fmt.Errorf("%w; and before that, from the registry: %w", err, pulled), output).(*BuildError)
		if remedy != "" {
			b.Remedy = remedy
		}
		return b
	}
	tool, err := exec.LookPath("mmdebstrap")
	if err != nil && installable() {
		e.say("installing mmdebstrap, as no registry answers")
		if err := aptInstall(ctx, "mmdebstrap"); err != nil {
			return fail(err, "", "")
		}
		tool, err = exec.LookPath("mmdebstrap")
	}
	if err != nil {
		remedy := "give the engine access to a registry, or load the image " + upstream + " into it with `docker load`"
		if aptGet() != "" {
			remedy = "run `sudo apt-get install mmdebstrap` and try again"
		}
		return fail(err, "", remedy)
	}
	e.say("making the base image from Debian packages (about 20 s, once)")
	list, err := sourcesList()
	if err != nil {
		return fail(err, "", "")
	}

	// The tool's end is the import's end: if one fails, the other is stopped,
	// so that half an image is never taken for a whole one.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, tool, bootstrapArgs(e.arch, list)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if dir := scratch(); dir != "" {
		cmd.Env = append(cmd.Env, "TMPDIR="+dir)
	}
	cmd.Stdin = strings.NewReader(list)
	cmd.Stderr = &output
	// Killed, it would leave its folder and mounts behind; asked, it cleans up.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	pipe, w := io.Pipe()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		return fail(err, "", "")
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		w.CloseWithError(err) // nil is the end of the archive
		ended <- err
	}()
	imported := e.importBase(ctx, pipe)
	if imported != nil {
		cancel()
		pipe.CloseWithError(imported)
	}
	made := <-ended
	switch {
	case made != nil && !errors.Is(made, context.Canceled):
		return fail(fmt.Errorf("mmdebstrap: %w", made), output.String(), "")
	case imported != nil:
		return fail(fmt.Errorf("the engine's import: %w", imported), output.String(), "")
	}
	return nil
}

// bootstrapArgs returns mmdebstrap's arguments. The sources, if there are any,
// come on its standard input; the archive goes to its standard output.
func bootstrapArgs(arch, list string) []string {
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
	for _, k := range keyrings() {
		args = append(args, "--keyring="+k)
	}
	args = append(args, suite, "-")
	if list != "" {
		args = append(args, "-")
	}
	return args
}

// importBase makes of an archive of a root file system the base image.
func (e *Engine) importBase(ctx context.Context, archive io.Reader) error {
	result, err := e.client.ImageImport(ctx,
		client.ImageImportSource{Source: archive, SourceName: "-"}, baseRef,
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
