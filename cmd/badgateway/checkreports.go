package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/report"
	"github.com/badgateway/badgateway/harness/hostfile"
)

// htmlReport is the report that people open.
const htmlReport = "report.html"

func reportIn(dir, name string) string { return filepath.Join(dir, name) }

// writeCheckReports writes a report for a browser, for programs, for a CI system and for a code host.
func writeCheckReports(dir string, r *audit.Report) error {
	sarif := func(w io.Writer, r *audit.Report) error { return report.SARIF(w, r, locator(r)) }
	return errors.Join(
		writeReport(dir, htmlReport, r, report.HTML), writeReport(dir, "report.json", r, report.JSON),
		writeReport(dir, "junit.xml", r, report.JUnit), writeReport(dir, "report.sarif", r, sarif))
}

func writeReport[T any](dir, name string, what T, write func(io.Writer, T) error) error {
	err := hostfile.Write(filepath.Join(dir, name), func(w io.Writer) error { return write(w, what) })
	if err != nil {
		return notWritten{fmt.Errorf("writing the report: %w", err)}
	}
	return nil
}

// locator gives the files of a report as paths from the root of the repository that they are in, which is what a code
// host takes; where there is none, from the current folder.
func locator(r *audit.Report) func(string) string {
	folder := configFolder(r.Config)
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	root := repository(folder)
	return func(file string) string {
		full := file
		switch {
		case file == r.PolicyFile:
			if abs, err := filepath.Abs(file); err == nil {
				full = abs
			}
		case !filepath.IsAbs(file):
			full = filepath.Join(folder, file)
		}
		if rel, err := filepath.Rel(root, full); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
		return filepath.ToSlash(file)
	}
}

// repository is the root of the git repository that a folder is in, or else the current folder.
func repository(folder string) string {
	for dir := folder; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	here, err := os.Getwd()
	if err != nil {
		return folder
	}
	return here
}
