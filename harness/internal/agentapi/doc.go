// Package wire is what the driving program and the agent in the lab's containers say to each other: calls in JSON over
// one yamux session on the container's standard input and output.
package agentapi
