package audit

import "github.com/badgateway/badgateway/harness/audit/nginxconf"

// An Edit changes one block of the config.
type Edit struct {
	// Block is where the lines go: to its head, but for those that have the name of a directive that goes, which take its place.
	// Nil is the main context, in the file that has what they replace.
	Block *nginxconf.Directive
	// Lines are whole directives; the lines of one with a block of its own follow each other, indented.
	Lines []string
	// Replaces are the directives that go. They may stand in a file that the block includes.
	Replaces []*nginxconf.Directive
}

// A FileChange is one of the user's files before and after mends.
type FileChange struct {
	File          string // its path on this machine, or in the revision
	Before, After string
}
