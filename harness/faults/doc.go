// Package faults holds the changes that break a cell, and those that mend it: one file a kind, each a value that can be
// undone. A scenario's fault is a list of them.
package faults
