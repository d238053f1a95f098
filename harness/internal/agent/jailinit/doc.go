// Package worldinit is the first process of a catch-all sandbox: the agent's own program, under another name. It sees to /proc, sends
// signals to all others at once, and ends them when they have become too many. Orphans end up as its children; the kernel
// waits for them. When it ends, the kernel ends all others of the sandbox.
//
// It does its work as the package is initialised, and imports nothing but the standard library: so it is up before the rest
// of the program is, which would take several times as long as all else in the opening of a catch-all sandbox.
package jailinit
