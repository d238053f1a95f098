// Package gateway is what a lab has to know of a gateway's program: how it is started and woken, and what the lines of its
// log say. The programs themselves are in packages of their own, such as gateway/nginx.
package gateway

import (
	"strings"
	"time"
)

// A Line is one line of the error log.
type LogRecord struct {
	Time       time.Time `json:"time"`                 // to the second; the line does not name its zone, so it is taken as UTC
	Level      string    `json:"level"`                // "debug" to "emerg"
	PID        int       `json:"pid"`                  // the process that wrote it
	Connection int64     `json:"connection,omitempty"` // the number after the star; 0 when the line has none
	// Code is the program's own for this message ("AH01114"); empty where it has none.
	Code string `json:"code,omitempty"`
	// Message is what happened, without the errno and the phase: "connect() failed", "upstream timed out".
	Message string `json:"message"`
	// Errno and ErrnoText are the first system error in brackets: 111 and "Connection refused".
	Errno     int    `json:"errno,omitempty"`
	ErrnoText string `json:"errno_text,omitempty"`
	// Phase is what nginx was doing, the words after "while": "connecting to upstream".
	Phase    string `json:"phase,omitempty"`
	Client   string `json:"client,omitempty"`
	Server   string `json:"server,omitempty"`
	Request  string `json:"request,omitempty"`  // without its quotes
	Upstream string `json:"upstream,omitempty"` // without its quotes
	Host     string `json:"host,omitempty"`
	Raw      string `json:"raw"`
}

// ReadLog reads a whole log of lines that stand for themselves, each with parse, but for what is no line of it.
func ReadLog(text string, parse func(line string) (LogRecord, error)) (all []LogRecord) {
	for line := range strings.Lines(text) {
		if l, err := parse(strings.TrimRight(line, "\r\n")); err == nil {
			all = append(all, l)
		}
	}
	return all
}
