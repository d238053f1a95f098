package fakeupstream

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
)

// Upgrade does as a server of websockets (RFC 6455, 4.2): it opens one for a client that asks for it, and says nothing on it. To
// every other request it answers 426.
type Upgrade struct{}

func (Upgrade) String() string { return "open a websocket" }

// Check holds for every listener: on one that speaks no HTTP all requests are other ones.
func (Upgrade) Check(on Endpoint) error { return nil }

func (Upgrade) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	key, asked := websocketKey(x.req.head)
	if !asked || x.req.http10 || x.lang.protocol() != HTTP {
		w := Well{Status: http.StatusUpgradeRequired, Body: "this is a server of websockets\n"}
		if x.lang.protocol() == HTTP {
			w.Headers = []string{"Upgrade: websocket"}
		}
		return x.answer(&w)
	}
	return x.sendAndEnd([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "+websocketAccept(key)+"\r\n\r\n"), EndStall)
}

// websocketKey is the key of a request for a websocket; false for another request.
func websocketKey(head []byte) (key string, asked bool) {
	upgrade, connection := false, false
	eachLine(head, func(line []byte) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		text := strings.TrimSpace(string(value))
		switch strings.ToLower(string(name)) {
		case "upgrade":
			upgrade = strings.EqualFold(text, "websocket")
		case "connection":
			for option := range strings.SplitSeq(text, ",") {
				connection = connection || strings.EqualFold(strings.TrimSpace(option), "upgrade")
			}
		case "sec-websocket-key":
			key = text
		}
	})
	return key, upgrade && connection
}

// websocketAccept is the answer to a key (RFC 6455, 4.2.2).
func websocketAccept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
