// Package harness runs a real gateway, breaks one thing behind it, and proves what follows: what the visitor gets, what
// the error log says, how long it took, whom the gateway asked, and what mends it.
//
// # Words
//
// A [Lab] is one container of the gateway's image, without any network. A [Cell] is a world of its own in a lab: a network
// in which every address is the cell's own, a folder, logs, and a clock. One gateway runs in a cell, with its upstreams.
// Any number of cells are open at once, all with the same addresses, and none sees another.
//
// A [Gateway] is a program, such as [Nginx], with its config. An [Upstream] is a fake, which follows a script (package
// fakeupstream), or a real one (package harness/backends). A [Change] breaks or mends one thing (package harness/faults).
// An [Exchange] is one request of the visitor with all that came of it: the answer, the tries, the log lines.
//
// A [Scenario] puts these together with an [Expectation], and [Run] proves it: the request is answered 200, something is
// broken, the same request has just the outcome that is expected, the remedy is performed, and the request is answered 200
// again. What it found is an [Evidence], whose verdict is one of three: passed, failed (something differs), or error (the
// lab itself was ill, which is never a finding).
//
// # In a test
//
// Start one lab for all the tests of a process, and open a cell for each. Starting a lab takes about half a second, a cell
// some milliseconds. Neither an image nor a build step has to be named: the engine's images are made or pulled when they
// are first needed, and so is the program that runs in the container.
//
//	lab, err := harness.Start(ctx, harness.Options{})
//	defer lab.Close()
//
//	cell, err := lab.Open(ctx, harness.Setup{Gateway: gateway, Upstreams: upstreams})
//	defer cell.Close()
//
//	answer, err := cell.Ask(ctx, harness.Request{Path: "/"})
//
// The visitor calls the gateway at [GatewayAddress], port 80, whatever address the config listens at; it names its upstreams
// by whatever addresses they have in production. Package harness/match has matchers for what comes back. For [Exchange]
// to know the tries, the config includes the access log of the snippet upstream-log.conf (see the example of [Lab.Open]).
//
// # Time
//
// A time-out of a minute need not take a minute. With [Setup].Clock the processes of a cell obey a clock that the lab
// moves: [Cell.AskSlowly] asks, moves it to half a second before the limit, sees that the visitor still waits, moves it to
// half a second after, and has the answer. [Options].RealTime leaves the clock alone.
//
// # A config that anybody wrote
//
// A [World] is a cell in which every address, port, name and socket that the gateway calls answers, in whatever protocol it is
// spoken to in, and in which processes are jailed: a root of their own, no rights but those that a gateway needs, limits on
// memory and processes. [World.Behave] breaks upstreams and names; [World.Ask] lets the world's time pass from one moment at
// which something may end to the next until the visitor has his answer. Package harness/check/measure checks whole configs so.
//
// # What is exact
//
// [Judge] is the one place where an outcome is compared with an expectation: the status, whether the answer was cut, the
// wait from both sides, the tries, and the log lines of level warn and above, one by one, so that a line that nobody
// expected fails as one that is missing does. Run also holds the fakes' own records against the gateway's log: a
// connection that its log does not explain fails too.
//
// # What remains
//
// Nothing. A lab ends with the process that made it, however that ends: it lives by a connection to that process, and a
// watcher in a session of its own removes what was still being made. No port is published, no path of the host is mounted,
// and nothing in a lab reaches an address outside of it.
package harness
