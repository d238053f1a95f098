// Package report writes what a run proved, for each of its readers: [Table] and [Show] for an operator on a terminal,
// [Transcript] for whoever has to find out why something failed, [JUnit] for a CI system, [JSON] and [Line] for
// programs, [HTML] for a browser. What many runs say together is in [Claims] (what articles say), [Fidelity] (fakes beside real components)
// and [Matrix] (the same faults behind each gateway).
//
// # The JSON form
//
// [JSON] writes one object:
//
//	schema     "badgateway.run/2"
//	run        started       when the run began, RFC 3339
//	           took_ns       how long it took
//	           seed          what the order of the scenarios was made from
//	           image         the gateway's image, as the engine knows it
//	           engine        the container engine and its version
//	           clock         whose time it was in, and why
//	           command       the command line
//	passed     how many passed
//	failed     how many did not: those that failed, and those that the lab could not try
//	skipped    how many the engine can't stage; left out when none
//	scenarios  one object for each scenario and variant, in the order in which they were given
//
// [Line] writes one such scenario object on one line, with the schema "badgateway.scenario/2" as its first field. A
// scenario object is a [scenario.Evidence]:
//
//	scenario, variant, family   what was tried; variant is "fake" or "real"
//	causes                      ids of the documented causes
//	claim, said                 what it proves; what articles say where that differs
//	fault, confirm, remedy      what was broken, how to confirm it on a live server, what helps
//	source                      where the claim can be read
//	gateway, config             the gateway's name and version; its config file under the fault
//	here                        why something else follows on this gateway than on others
//	clock                       whose time it was: "real", "moved" or "scaled"
//	clock_why                   why; clock_unasked is true where the lab could not move it
//	measured_again              why earlier runs count for nothing: the machine had no processor for them
//	expected                    what had to come
//	healthy, broken, recovered  the client's request before the fault, under it, and after the remedy
//	upstream_calls              at, made, connections: how many connections to each fake upstream the gateway made, and how
//	                            many there were; left out where the two can't be compared
//	verdict                     "passed", "failed" (something differed), "error" (the lab could not be had) or "skipped" (the
//	                            engine lacks what the scenario takes)
//	differences                 what, want, got; only when something differed
//	error, skipped              what went wrong with the lab; what the engine lacks
//	transcript                  at_ns (since the scenario began, real time), actor, text
//	took_ns                     how long it took, in real time
//	again                       the command that runs this alone
//
// expected is a [scenario.Expected], in which what is left out is zero or none:
//
//	status, no_answer, cut      as an exchange has them, under the fault
//	log                         level, code, text, errno, phase of each log line, in order
//	attempts                    how many upstreams were tried; 0 leaves it open, -1 is none
//	after_ns, until_ns          how long the client waits under the fault
//	remedy_takes_ns             how long the client waits after the remedy
//	upstream_log                a text that the upstreams' own logs hold under the fault
//
// healthy, broken and recovered are each a [lab.Exchange]:
//
//	client, request             the client's address, and what was asked ("GET /")
//	status, no_answer           the status, or 0 and how the connection ended ("refused", "closed", "reset", "garbled")
//	header, body, body_bytes    the answer: its fields, the body's first 4 KiB, the body's full length
//	cut                         whether the answer ended too early
//	waited_ns, not_before_ns    how long the client waited in the gateway's time; with not_before_ns, the answer came
//	                            between the two
//	real_ns                     how long that took on the machine
//	attempts                    addr of each peer that was asked, in order, and whether a kept connection was used
//	attempts_unknown            why they are not known; left out where they are
//	log                         the gateway's log lines of this request, with the parts of a [gateway.LogRecord]
//	access, upstream_log        the access log's line; what the real upstreams logged
//
// The verdict and the differences follow from the rest: [Read] reads what was stored, and [scenario.JudgeAll] judges it again.
//
// Every time with the ending _ns is in nanoseconds. Fields may be added under the same schema, so readers have to ignore
// those that they don't know. A field that is removed, renamed or given another meaning raises the number in the schema.
package report
