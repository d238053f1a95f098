// Package fault holds what breaks a sandbox, and what mends it: one file a kind, each a value that can be
// undone. A scenario's fault is a list of them.
package fault
