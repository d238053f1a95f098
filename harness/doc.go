// Package harness runs a real gateway, breaks one thing behind it, and proves what follows: what the visitor gets, what
// the error log says, how long it took, whom the gateway asked, and what mends it.
//
// # Words
//
// A lab (package lab) is one container of the gateway's image, without any network. A sandbox is a network in which every
// address is its own, with a folder, logs, and a clock. One gateway runs in a sandbox, with its upstreams. Any number of
// sandboxes are open at once, all with the same addresses, and none sees another.
//
// A gateway is a program, such as nginx (package gateway and those below it), with its config. An upstream is a fake, which
// follows a script (package fakeupstream), or a real server (package backend). A fault breaks one thing (package fault). An
// exchange is one request with all that came of it: the answer, the tries, the log lines.
//
// A scenario (package scenario) puts these together with an expectation, and is proven: the request is answered 200, something is
// broken, the same request has just the outcome that is expected, the remedy is performed, and the request is answered 200
// again. What it found is the evidence, whose verdict is one of three: passed, failed (something differs), or error (the
// lab itself was unhealthy, which is never a finding).
//
// # In a test
//
// Start one lab for all the tests of a process, and open a sandbox for each. Starting a lab takes about half a second, a
// sandbox some milliseconds. Neither an image nor a build step has to be named: the engine's images are made or pulled when they
// are first needed, and so is the program that runs in the container.
//
//	l, err := lab.Start(ctx, lab.Options{})
//	defer l.Close()
//
//	sandbox, err := l.Open(ctx, lab.Setup{Gateway: gateway, Upstreams: upstreams})
//	defer sandbox.Close()
//
//	answer, err := sandbox.Do(ctx, lab.Request{Path: "/"})
//
// The visitor calls the gateway at lab.GatewayAddress, port 80, whatever address the config listens at; it names its upstreams
// by whatever addresses they have in production. Package match has matchers for what comes back. Whom the
// gateway tried is seen by its calls to the kernel, so that any config will do.
//
// # Time
//
// A time-out of a minute need not take a minute. With lab.Setup.Clock the processes of a sandbox obey a clock that the lab
// moves: Sandbox.Do with lab.Within asks, moves it to half a second before the limit, sees that the visitor still waits, moves
// it to half a second after, and has the answer. lab.Options.RealTime leaves the clock alone.
//
// # A config that anybody wrote
//
// A sandbox with a lab.CatchAll is one in which every address, port, name and socket that the gateway calls answers, in
// whatever protocol it is spoken to in, and in which processes are jailed: a root of their own, no rights but those that a
// gateway needs, limits on memory and processes. Sandbox.SetBehaviour breaks upstreams and names; Sandbox.Probe lets time pass
// from one moment at which something may end to the next until the answer is there. Package audit/measure checks whole configs so.
//
// # What is exact
//
// scenario.Judge is the one place where an outcome is compared with an expectation: the status, whether the answer was cut, the
// wait from both sides, the tries, and the log lines of level warn and above, one by one, so that a line that nobody
// expected fails as one that is missing does. The fakes' own records are held against the gateway's calls too: a connection
// that it did not make fails.
//
// # What remains
//
// Nothing. A lab ends with the process that made it, however that ends: it lives by a connection to that process, and a
// watcher in a session of its own removes what was still being made. No port is published, no path of the host is mounted,
// and nothing in a lab reaches an address outside of it.
package harness
