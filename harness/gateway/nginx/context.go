package nginx

import (
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
)

// Keys of the context that nginx appends to what happened. Those from "request" on have their value in quotes.
const (
	clientKey  = ", client: "
	datagram   = ", udp client: " // the stream module's, for a datagram
	serverKey  = ", server: "
	requestKey = ", request: \""
)

// quoted are the keys that can follow a value in quotes.
var quoted = [...]string{"upstream: \"", "host: \"", "subrequest: \"", "referrer: \"", "request: \"", "bytes from/to "}

// others are what nginx names after the phase where it works for no client; their values stand in Raw only.
var others = [...]string{", resolver: ", ", responder: ", ", server: "}

// cutContext parts what happened from the context, which begins with the client.
func cutContext(s string) (head, tail string) {
	for from := 0; ; {
		i := strings.Index(s[from:], "client: ")
		if i < 0 {
			return s, ""
		}
		i += from
		from = i + len("client: ")
		for _, key := range [...]string{clientKey, datagram} {
			begin := from - len(key)
			if begin >= 0 && s[begin:from] == key && addressThenEnd(s[from:]) {
				return s[:begin], s[from:]
			}
		}
	}
}

// addressThenEnd reports whether s begins with what can be a client's address, followed by the server or nothing.
func addressThenEnd(s string) bool {
	end := strings.IndexAny(s, ", \"\n")
	if end < 0 {
		return s != ""
	}
	return end > 0 && strings.HasPrefix(s[end:], serverKey)
}

// readContext reads the tail that cutContext returned; it begins with the client's address.
func readContext(l *gateway.LogRecord, tail string) {
	if tail == "" {
		return
	}
	client, rest, found := strings.Cut(tail, serverKey)
	l.Client = client
	if !found {
		return
	}
	end := strings.Index(rest, ", ") // a server's name has no comma
	if end < 0 {
		l.Server = rest
		return
	}
	l.Server, rest = rest[:end], rest[end:]

	for strings.HasPrefix(rest, ", ") {
		key, after, found := strings.Cut(rest[2:], ": \"")
		if !found {
			return
		}
		var value string
		value, rest = quotedValue(after)
		switch key {
		case "request":
			l.Request = value
		case "upstream":
			l.Upstream = value
		case "host":
			l.Host = value
		}
	}
}

// quotedValue returns the value that s begins with, up to its closing quote, and what follows that quote. nginx does not
// escape, so a quote closes only at the end of the line or before the next key. A line that nginx cut off (they are 2 KiB
// at the most) ends without a quote.
func quotedValue(s string) (value, rest string) {
	for from := 0; ; {
		i := strings.Index(s[from:], "\", ")
		if i < 0 {
			return strings.TrimSuffix(s, "\""), ""
		}
		i += from
		from = i + 3
		for _, key := range quoted {
			if strings.HasPrefix(s[from:], key) {
				return s[:i], s[i+1:]
			}
		}
	}
}

// cutPhase parts "connect() failed (111: ...) while connecting to upstream" before its last "while". Some messages hold
// the word themselves (`cycle while processing "/x"`): what follows it there is quoted, or a service's name.
func cutPhase(head string) (rest, phase string) {
	const while = " while "
	i := strings.LastIndex(head, while)
	if i < 0 {
		return head, ""
	}
	phase = head[i+len(while):]
	for _, key := range others {
		phase, _, _ = strings.Cut(phase, key)
	}
	if strings.HasPrefix(phase, "accepting new connection on ") { // an address follows
		return head[:i], phase
	}
	if phase == "" || strings.HasPrefix(phase, "resolving service ") {
		return head, ""
	}
	for _, c := range []byte(phase) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && c != ' ' && c != '/' && (c < '0' || c > '9') {
			return head, ""
		}
	}
	return head[:i], phase
}

// cutErrno takes " (111: Connection refused)" out of a message. nginx writes it last, and only the place in the config
// (" in /etc/nginx/nginx.conf:12") or in the resolver's work can follow; so brackets in a path or in a PHP message are
// not taken for it.
func cutErrno(head string) (message string, errno int, text string) {
	end := len(head) - 1
	if end < 0 || head[end] != ')' {
		end = strings.LastIndex(head, ") in ")
		if end < 0 || !gateway.IsPlace(head[end+2:]) {
			end = strings.LastIndex(head, ") while resolving service ")
		}
	}
	if end < 0 {
		return head, 0, ""
	}
	begin := strings.LastIndex(head[:end], " (")
	if begin < 0 {
		return head, 0, ""
	}
	inside := head[begin+2 : end]
	n, after := number(inside)
	if n == 0 || n > 1<<31-1 || !strings.HasPrefix(after, ": ") {
		return head, 0, ""
	}
	return head[:begin] + head[end+1:], int(n), after[2:]
}
