package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/report"
)

// compare shows what clients would notice when what --against names is replaced by what is checked.
func (f *checkFlags) compare(c *cobra.Command, o measure.Options, p *checkProgress) error {
	old, label, err := f.oldReport(o)
	if err != nil {
		return err
	}
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
	changes := audit.Compare(before, after)
	colour, width := screen(c.OutOrStdout())
	switch f.format {
	case asJSON:
		err = report.JSONChanges(c.OutOrStdout(), changes)
	case asMarkdown:
		err = report.MarkdownChanges(c.OutOrStdout(), changes)
	default:
		err = report.TableChanges(c.OutOrStdout(), changes, report.View{Width: width, Colour: colour})
	}
	if err != nil {
		return err
	}
	if f.reports != "" {
		err := errors.Join(writeCheckReports(f.reports, after), writeReport(f.reports, "changes.md", changes, report.MarkdownChanges),
			writeReport(f.reports, "changes.json", changes, report.JSONChanges))
		if err != nil {
			return err
		}
	}
	switch {
	case after.Refused != nil:
		return refusedCheck{after}
	case changes.Unknown(), slices.ContainsFunc(changes.Changes, func(x audit.Change) bool { return x.Direction == audit.Worse }):
		return errDiffers
	}
	return labFailed(before, after)
}

// oldReport are the options of the old one, and how it is called.
func (f *checkFlags) oldReport(o measure.Options) (old measure.Options, label string, err error) {
	old = o
	kind, rest, _ := strings.Cut(f.against, ":")
	switch {
	case rest == "" && strings.HasSuffix(f.against, ":"):
		return old, "", fmt.Errorf("--against %s names nothing after the colon: a path, git:REV, image:REF or nginx:VERSION", f.against)
	case kind == "git" && rest != "":
		if o.Path == "" {
			return old, "", errors.New("--against git:REV takes an old revision of PATH: name a config")
		}
		old.Revision = rest
		return old, f.against + ":" + filepath.ToSlash(o.Path), nil
	case kind == "image" && rest != "":
		old.Image, old.Nginx = rest, ""
	case kind == "nginx" && rest != "":
		old.Image, old.Nginx = "", rest
		if o.Path == "" {
			return old, "", errors.New("--against nginx:VERSION runs PATH on another nginx: name a config")
		}
	default:
		if _, err := os.Stat(f.against); err != nil {
			return old, "", fmt.Errorf("the old config: %w (--against takes a path, git:REV, image:REF or nginx:VERSION)", err)
		}
		old.Path = f.against
		return old, f.against, nil
	}
	label = f.against
	if o.Path != "" {
		label = o.Path + " on " + f.against
	}
	return old, label, nil
}

func orImage(o measure.Options) string {
	if o.Path == "" {
		return o.Image
	}
	return o.Path
}
