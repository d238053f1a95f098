package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/check"
	"github.com/badgateway/badgateway/harness/check/measure"
	"github.com/badgateway/badgateway/harness/check/show"
)

// compare shows what visitors would notice when what --against names is replaced by what is checked.
func (f *checkFlags) compare(c *cobra.Command, o measure.Options, p *checkProgress) error {
	old, label, remove, err := f.before(c.Context(), o)
	if err != nil {
		return err
	}
	defer remove()
	p.say("the old one: %s", label)
	before, err := f.measure(c.Context(), old, p)
	if err != nil {
		return err
	}
	before.Config = label
	p.say("the new one: %s", orImage(o))
	after, err := f.measure(c.Context(), o, p)
	if err != nil {
		return err
	}
	changes := check.Compare(before, after)
	colour, width := screen(c.OutOrStdout())
	switch f.format {
	case asJSON:
		err = show.JSONChanges(c.OutOrStdout(), changes)
	case asMarkdown:
		err = show.MarkdownChanges(c.OutOrStdout(), changes)
	default:
		err = show.TableChanges(c.OutOrStdout(), changes, show.View{Width: width, Colour: colour})
	}
	if err != nil {
		return err
	}
	if f.reports != "" {
		err := errors.Join(writeCheckReports(f.reports, after), writeReport(f.reports, "changes.md", changes, show.MarkdownChanges),
			writeReport(f.reports, "changes.json", changes, show.JSONChanges))
		if err != nil {
			return err
		}
	}
	switch {
	case after.Refused != nil:
		return refusedCheck{after}
	case slices.ContainsFunc(changes.Changes, func(x check.Change) bool { return x.Turn == check.Worse }):
		return errDiffers
	}
	return nil
}

// before are the options of the old one, how it is called, and what removes what was made for it.
func (f *checkFlags) before(ctx context.Context, o measure.Options) (old measure.Options, label string, remove func(), err error) {
	old, remove = o, func() {}
	kind, rest, _ := strings.Cut(f.against, ":")
	switch {
	case rest == "" && strings.HasSuffix(f.against, ":"):
		return old, "", remove, fmt.Errorf("--against %s names nothing after the colon: a path, git:REV, image:REF or nginx:VERSION", f.against)
	case kind == "git" && rest != "":
		if o.Path == "" {
			return old, "", remove, errors.New("--against git:REV takes an old revision of PATH: name a config")
		}
		old.Path, remove, err = revision(ctx, o.Path, rest)
		return old, f.against + ":" + filepath.ToSlash(o.Path), remove, err
	case kind == "image" && rest != "":
		old.Image, old.Nginx = rest, ""
	case kind == "nginx" && rest != "":
		old.Image, old.Nginx = "", rest
		if o.Path == "" {
			return old, "", remove, errors.New("--against nginx:VERSION runs PATH on another nginx: name a config")
		}
	default:
		if _, err := os.Stat(f.against); err != nil {
			return old, "", remove, fmt.Errorf("the old config: %w (--against takes a path, git:REV, image:REF or nginx:VERSION)", err)
		}
		old.Path = f.against
		return old, f.against, remove, nil
	}
	label = f.against
	if o.Path != "" {
		label = o.Path + " on " + f.against
	}
	return old, label, remove, nil
}

func orImage(o measure.Options) string {
	if o.Path == "" {
		return o.Image
	}
	return o.Path
}
