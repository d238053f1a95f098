// Package report shows people and programs what a check found: on a terminal, on one HTML page, as Markdown for a merge
// request, and as JSON, JUnit and SARIF.
//
// All of them show the same [audit.Report] and need no lab. What an upstream or a log said is shown as text, never
// obeyed: control characters are made visible.
package report
