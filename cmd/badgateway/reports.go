package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/report"
)

// prepareReports makes the folder for the reports, and finds out whether they can be written there.
func prepareReports(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder for the reports: %w", err)
	}
	f, err := os.CreateTemp(dir, ".badgateway-*")
	if err != nil {
		return fmt.Errorf("the reports can't be written: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writeReports writes the evidence for a CI system, for programs and for a browser.
func writeReports(dir string, run report.Run, all []harness.Evidence) error {
	for _, r := range []struct {
		name  string
		write func(io.Writer, report.Run, []harness.Evidence) error
	}{
		{"junit.xml", report.JUnit}, {"evidence.json", report.JSON}, {"index.html", report.HTML},
	} {
		f, err := os.Create(filepath.Join(dir, r.name))
		if err != nil {
			return notWritten{fmt.Errorf("writing the report: %w", err)}
		}
		if err := errors.Join(r.write(f, run, all), f.Close()); err != nil {
			return notWritten{fmt.Errorf("writing the report: %w", err)}
		}
	}
	return nil
}
