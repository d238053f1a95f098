// Package caddy is Caddy as a gateway: how it is started, and what the lines of its log say.
package caddy

import (
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
)

// Driver is Caddy as Debian packages it. It logs to its output, as JSON. It is a Go program, which takes its time from the kernel: no
// clock of the lab moves it.
var Driver = gateway.Driver{
	Name:     "caddy",
	Image:    "caddy:2",
	Own:      "caddy",
	Programs: []string{"caddy", "/usr/bin/caddy"},
	Probe:    []string{"version"},
	Fit:      fit,
	Argv:     []string{"caddy", "run", "--config", conf, "--adapter", "caddyfile"},
	Conf:     conf,
	Folders: []gateway.Folder{
		{Path: "/etc/caddy"}, {Path: "/root"}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/var/www"},
	},
	ErrorLogs: func(string) []string { return nil },
	Lines:     ParseLogs,
	Woken:     func(string) bool { return false },
	Refusal:   refusal,
}

const conf = "/etc/caddy/Caddyfile"

var version = regexp.MustCompile(`^v?((\d+\.\d+\.\d+)\S*)`)

func fit(d gateway.Driver, program, printed string) (gateway.Driver, gateway.Build, error) {
	m := version.FindStringSubmatch(strings.TrimSpace(printed))
	if m == nil {
		return d, gateway.Build{}, errors.New("it does not say that it is Caddy")
	}
	return d.At(program), gateway.Build{Name: "Caddy/" + m[1], Version: m[2]}, nil
}

// ErrForm is what ParseLog returns for a text that is no line of the log.
var ErrForm = errors.New("not a line of Caddy's log")

// levels are zap's, as [gateway.IsLevel] knows them.
var levels = map[string]string{"debug": "debug", "info": "info", "warn": "warn", "error": "error", "panic": "alert", "fatal": "emerg"}

// starting are the loggers of what it says once, of its config, when it starts: a server without TLS is a warning to it.
var starting = []string{"", "admin", "http"}

// currentTime is the time in the words on a certificate, which is another in each run.
var currentTime = regexp.MustCompile(`current time \S+`)

// line is what is read of a line.
type line struct {
	Level   string
	TS      float64 `json:"ts"`
	Logger  string
	Msg     string
	Error   string
	Request struct {
		Client             string `json:"remote_ip"`
		Method, URI, Proto string
	}
	Upstream string
}

// ParseLog reads one line of JSON. Code is the name of its logger ("http.log.error"), and Message is what it says with the error that it
// says it of; there is no errno, as Go writes errors in words. The error is [ErrForm]; Raw is filled in either case.
func ParseLog(text string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: text}
	var from line
	if json.Unmarshal([]byte(text), &from) != nil || levels[from.Level] == "" {
		return l, ErrForm
	}
	sec, frac := math.Modf(from.TS)
	if sec < 0 || sec > 1<<40 {
		return l, ErrForm
	}
	l.Time, l.Level, l.Code, l.Message = time.Unix(int64(sec), int64(frac*1e9)).UTC(), levels[from.Level], from.Logger, from.Msg
	if l.Level == "warn" && slices.Contains(starting, l.Code) {
		l.Level = "notice"
	}
	if from.Error != "" {
		l.Message += ": " + from.Error
	}
	// Of two of Go's goroutines the one that meets an error first decides whether this stands before it.
	l.Message = strings.TrimPrefix(l.Message, "net/http: HTTP/1.x transport connection broken: ")
	l.Message = currentTime.ReplaceAllString(l.Message, "current time")
	l.Client, l.Upstream = from.Request.Client, from.Upstream
	if from.Request.Method != "" {
		l.Request = from.Request.Method + " " + from.Request.URI + " " + from.Request.Proto
	}
	return l, nil
}

// ParseLogs reads a whole log, but for what is no line of it.
func ParseLogs(text string) []gateway.LogRecord { return gateway.ReadLog(text, ParseLog) }

// refusal is the line that it prints last, which is none of its log.
func refusal(printed string) (all []gateway.LogRecord) {
	for line := range strings.Lines(printed) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if _, err := ParseLog(line); err != nil {
			all = append(all, gateway.LogRecord{Level: "emerg", Message: line, Raw: line})
		}
	}
	return all
}
