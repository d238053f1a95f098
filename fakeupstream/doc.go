// Package fakeupstream makes upstreams that misbehave to order, for tests of whatever
// talks to them: gateways, proxies, load balancers, clients.
//
// An upstream is a listener that speaks HTTP/1.1, FastCGI (responder role), uwsgi, SCGI, gRPC,
// memcached, Redis, MySQL, DNS or plain TCP, over TCP or a unix socket, in plain text or TLS, or finds out by the first
// bytes of each connection which of these it is, and does with each connection and request exactly
// what its script says: answer well, say nothing, send RST in the middle of a body, drip a
// byte a second, break the rules of the protocol. It writes its answers byte by byte
// itself, as no well-behaved server library can fail in these ways.
//
// # Start one
//
// [NewHTTP] and [NewFastCGI] are the short forms: request j of every connection meets
// behaviour j, and the last one is for the rest. Without a behaviour all is answered well.
//
//	s, err := fakeupstream.NewHTTP("127.0.0.1:0", fakeupstream.Reset{At: fakeupstream.AtBody})
//	defer s.Close()
//
// [New] takes a [Spec], which says all there is to say, and [Options], which bring the
// surroundings: how to listen (in a network namespace, say), how to dial, what time it is,
// and who wants to know of each [Event].
//
// # Say what goes wrong
//
// A [Script] has an entry for each connection, and its last entry serves all that follow.
// An entry, a [Connection], has a [Behaviour] for each request in the same manner.
// [Always], [FailFirst], [FailFirstThen] and [OnReuse] write the usual ones.
//
// A [Rule] goes by the request in place of the connection: by its number over all connections, by its method, path and header.
// What a request meets is, in this order:
//
//  1. what TLS does, and what the Script does before the head of the request is read (at accept),
//  2. the first of [Spec.Rules] that takes the request,
//  3. the Script.
//
// Records tell which it was: the Rule of a [RequestRecord] is its number, and 0 is the Script. Rules are for every protocol,
// HTTP/2 included, as far as it has what they ask for: memcached has no header, and a stream has numbers only.
//
// In JSON a behaviour is an object whose "do" is its name:
//
//	{"name": "app", "listen": "127.0.0.1:8080",
//	 "script": [[{"do": "well"}, {"do": "reset", "at": "body"}], {"do": "well"}]}
//
// [Behaviours] lists all of them. In groups they are:
//
//   - nothing there: [Refuse], [BacklogFull] (both states of the whole listener)
//   - too slow: [Silent], [Delay], [Drip], [Stall]
//   - cut off: [Close] with FIN, [Reset] with RST, [CloseReused]
//   - not what was expected: [Garbage], [WrongProtocol], [Raw]
//   - bad HTTP or CGI: [BigHeader], [BadHeader], [DuplicateHeader], [Contradiction],
//     [ShortBody], [LongBody], [BadChunk]
//   - at odd times: [EarlyAnswer], [Interim]
//   - a websocket that is silent: [Upgrade]
//   - FastCGI's own: [FastCGIStderr], [FastCGIEnd], [FastCGIBadRecord], [FastCGIUnterminated]
//   - DNS's own: [DNSAnswer]
//   - and [Well]
//
// Those that act at a moment have an At, a [Point]: reset at "header" resets after a part of
// the header was sent. Those that end with bad bytes have an End, an [Ending]: what becomes
// of the connection then. Those that send an answer, or a part of it, have an Answer, a
// [Well]. The zero value of each field is a sensible default; where there is none, as for
// the time of a Delay, [Spec.Validate] says so.
//
// A Behaviour of your own is a struct with three methods, of which Serve does it by means of an [Exchange]: read the request,
// answer wholly or in part, wait, end the connection. Once [Register] has given it a name, scripts, their JSON, [Main] and
// its control API take it as they take the others.
//
// [TLS] has the faults of TLS: certificates that have expired or are for another name,
// alerts, handshakes that never end. Its certificates come from an [Authority] that is the
// same each time, and [Server.CA] is what a client should trust.
//
// # One listener for all
//
// With the protocol [Any] the first bytes of each connection show what is spoken on it: a PROXY
// protocol header (version 1 or 2) is put on record and skipped, a ClientHello begins TLS as
// Spec.TLS has it, in which the rest is looked for again, and then it is
//
//   - [GRPC] after "PRI * HTTP/2.0"
//   - [FastCGI] after a version 1 and a type 1 (BEGIN_REQUEST)
//   - [UWSGI] after modifier 0, a size, and the name of a variable that fits in it
//   - [SCGI] after digits and ":CONTENT_LENGTH"
//   - [Memcached] after "get " or "gets " in small letters
//   - [HTTP] after a method in capital letters and a space
//   - [Stream] otherwise
//
// A client that sends only the beginning of one of these and then waits, waits in vain.
//
// Behaviours that make no sense in a protocol are errors in a Spec that names it. With Any they do
// what comes nearest, which each of them tells. What a Well has and the protocol has not is left
// out: chunks other than in HTTP/1.1, headers and status in memcached and streams; an end that keeps
// the connection closes it in uwsgi and SCGI; a point in the header is before the answer in a stream.
//
// # See what happened
//
// [Server.Records] tells what came in: connections, who closed them, and requests with
// their header or parameters, their body, and the time of each step.
// [Server.WaitRequests] waits for requests without sleeping. Records keep the first 1000
// requests and connections; [Server.Counts] counts them all.
//
// # Change it
//
// A script is not edited while it runs. To make the upstream do something else, close it
// and make a new one on the same address; [Server.Reset] makes everything well at once.
//
// # What a client sees
//
// "Close" always means FIN: the upstream reads on, and throws away what comes, until the
// client closes too, since a socket that is closed with unread bytes sends RST. "Reset"
// always means RST, or on a unix socket the ECONNRESET that a dying peer causes. Delays go
// by the Clock in Options, and none of them holds up [Server.Close].
//
// # The program
//
// [Main] is all of this as a program, with flags, spec files, and an HTTP API on loopback
// to change upstreams while they run.
package fakeupstream
