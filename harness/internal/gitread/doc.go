// Package gitread reads files of a commit from a git repository that may be a stranger's. It starts no program, obeys none
// of the repository's settings, writes nothing, goes to no network, and reads nothing but the repository's own folder.
//
// It has bounds where a general library has none: on the size of an object, on the length of a chain of deltas, which a
// made-up pack can close to a circle, and on all that is unpacked.
//
// Formats: https://git-scm.com/docs/gitformat-pack, https://git-scm.com/docs/gitrepository-layout.
package gitread
