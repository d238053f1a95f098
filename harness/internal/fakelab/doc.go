// Package fakelab is for tests of what drives a lab: a container engine with nothing in its containers but an agent that does
// what a test says. It makes no process, network or file.
package fakelab
