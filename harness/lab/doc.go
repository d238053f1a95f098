// Package lab runs a gateway with its upstreams in containers that nothing leads out of. A [Lab] is such a container; a
// [Sandbox] in it has a network, files, logs and a clock of its own, in which one gateway runs. See package harness for the
// words and an overview.
package lab
