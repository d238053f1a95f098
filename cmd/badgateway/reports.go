package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/badgateway/badgateway/harness/hostfile"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/scenarios"
)

// prepareReports makes the folder for the reports, and finds out whether they can be written there.
func prepareReports(dir string) error {
	if err := hostfile.Folder(dir); err != nil {
		return fmt.Errorf("making the folder for the reports: %w", err)
	}
	return nil
}

// writeReports writes the evidence for a CI system, for programs and for a browser.
func writeReports(dir string, run report.Run, all []scenario.Evidence) error {
	page := func(w io.Writer, run report.Run, all []scenario.Evidence) error {
		return report.HTML(w, run, all, scenarios.Claims()...)
	}
	for _, r := range []struct {
		name  string
		write func(io.Writer, report.Run, []scenario.Evidence) error
	}{
		{"junit.xml", report.JUnit}, {"evidence.json", report.JSON}, {"index.html", page},
	} {
		err := hostfile.Write(filepath.Join(dir, r.name), func(w io.Writer) error { return r.write(w, run, all) })
		if err != nil {
			return notWritten{fmt.Errorf("writing the report: %w", err)}
		}
	}
	return nil
}

// announceReports says where the reports are.
func announceReports(out io.Writer, dir string) {
	fmt.Fprintf(out, "reports: %s, junit.xml and evidence.json beside it\n", filepath.Join(dir, "index.html"))
}
