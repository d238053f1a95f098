package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/hostfile"
)

// fixConfig writes the mends that were proven as a diff, or into the files. What was found is told beside it.
func (f *checkFlags) fixConfig(c *cobra.Command, o measure.Options, p *checkProgress) error {
	r, err := f.measure(c.Context(), o, p)
	if err != nil {
		return err
	}
	if r.Refused != nil {
		return refusedCheck{r}
	}
	mended, left := 0, 0
	for _, one := range r.Findings {
		switch {
		case one.Waived != "":
		case one.Proof != "":
			mended++
		default:
			left++
		}
	}
	switch {
	case len(r.Fix) == 0 && left == 0:
		p.say("there is nothing to mend")
	case len(r.Fix) == 0:
		p.say("no mend is proven: %d findings are left to you (%s)", left, f.command(typed(os.Args[0]), o.Path))
	default:
		p.say("mends of %d findings, each proven alone and all together; %d are left to you (%s)", mended, left, f.command(typed(os.Args[0]), o.Path))
	}
	if !f.write {
		return errors.Join(diffs(c.OutOrStdout(), r.Fix), labFailed(r))
	}
	for _, change := range r.Fix {
		if err := unchanged(change); err != nil {
			return fmt.Errorf("mending: %w", err)
		}
	}
	for _, change := range r.Fix {
		if err := rewrite(change); err != nil {
			return fmt.Errorf("mending: %w", err)
		}
		p.say("mended %s", change.File)
	}
	return labFailed(r)
}

// unchanged keeps from being overwritten what somebody wrote meanwhile, and what a link leads to.
func unchanged(change audit.FileChange) error {
	if info, err := os.Lstat(change.File); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is a link: name the folder that the file stands in", change.File)
	}
	now, err := os.ReadFile(change.File)
	if err != nil {
		return err
	}
	if string(now) != change.Before {
		return fmt.Errorf("%s was changed since it was checked: check again", change.File)
	}
	return nil
}

// rewrite writes a file whole or not at all, with the rights that it has.
func rewrite(change audit.FileChange) error {
	info, err := os.Stat(change.File)
	if err != nil {
		return err
	}
	if err := hostfile.Write(change.File, func(w io.Writer) error {
		_, err := io.WriteString(w, change.After)
		return err
	}); err != nil {
		return err
	}
	return os.Chmod(change.File, info.Mode().Perm())
}

// diffs writes changes of files as git apply takes them at the root of their repository, or from the working directory.
func diffs(w io.Writer, all []audit.FileChange) error {
	for _, change := range all {
		name := fromRoot(change.File)
		if strings.ContainsAny(name, "\n\r\t\"\\") {
			return fmt.Errorf("a diff can't name the file %q", name)
		}
		text := udiff.Unified("a/"+name, "b/"+name, change.Before, change.After)
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// fromRoot is a file's path from the root of the repository that it is in; where it is in none, from the working directory.
func fromRoot(file string) string {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			if rel, err := filepath.Rel(dir, file); err == nil {
				return filepath.ToSlash(rel)
			}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, file); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return strings.TrimPrefix(filepath.ToSlash(file), "/")
}

// validFix says what does not go with --fix.
func (f *checkFlags) validFix() error {
	switch {
	case f.write && !f.fix:
		return errors.New("--write puts the mends of --fix into the files: it goes with --fix")
	case f.fix && len(f.routes)+len(f.faults) > 0:
		return errors.New("--fix proves each mend on all routes, under all faults: leave out --route and --fault")
	case f.fix && (f.keep || f.init || f.against != "" || f.static || f.repeat > 1 || f.reports != "" || f.format != asTable):
		return errors.New("--fix writes a diff: it goes without --keep, --init, --against, --static, --repeat, --reports and --format")
	}
	return nil
}
