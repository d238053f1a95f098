// Package agent is the program inside the lab's containers, and the calls that it answers.
//
// A container of the lab runs this program as its init. It holds any number of sandboxes: a sandbox is a network namespace, a
// mount namespace and a folder, in which one scenario's gateway and upstreams run, apart from all others. The agent
// starts the processes of a sandbox, plays its fake upstreams, breaks its network, moves its clock, asks as the client and
// reads the logs. It is driven over the container's standard input and output, so no port is published and no address
// of the engine's host is needed; when the driving program goes away, standard input ends, the agent exits, and the
// kernel ends everything that ran in the container.
//
// The protocol is yamux over those two streams. The first byte of each yamux stream says what it carries: calls in
// JSON (see [Calls]), or one tunnelled TCP connection.
package agent
