package gateway

import (
	"slices"
	"strconv"
	"strings"
)

// levels are nginx's, the least severe first.
var levels = [...]string{"debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"}

// severity is the place of a level in levels, or -1.
func severity(level string) int { return slices.Index(levels[:], level) }

// IsLevel reports whether a level is one that gateways log at.
func IsLevel(level string) bool { return severity(level) >= 0 }

// AtLeast reports whether the line is of this level or a more severe one ("warn" holds for an error). It is false when
// either level is none of nginx's.
func (l LogRecord) AtLeast(level string) bool {
	least := severity(level)
	return least >= 0 && severity(l.Level) >= least
}

// String is the line in short, for tables and messages: level, what happened, errno and phase, on one line.
//
//	[error] connect() failed (111: Connection refused) while connecting to upstream
func (l LogRecord) String() string {
	text := l.happened()
	if strings.ContainsAny(text, "\r\n\t") {
		text = strings.Join(strings.Fields(text), " ")
	}
	if l.Level == "" {
		return text
	}
	return "[" + l.Level + "] " + text
}

// happened is the message with its errno where nginx writes it, and the phase.
func (l LogRecord) happened() string {
	text := l.Message
	if l.Errno != 0 {
		at := len(text)
		if i := strings.LastIndex(text, " in "); i >= 0 && IsPlace(text[i+1:]) {
			at = i
		} else if i := strings.LastIndex(text, " while resolving service "); i >= 0 {
			at = i
		}
		text = text[:at] + " (" + strconv.Itoa(l.Errno) + ": " + l.ErrnoText + ")" + text[at:]
	}
	if l.Phase != "" {
		text += " while " + l.Phase
	}
	if l.Code != "" {
		text = l.Code + ": " + text
	}
	return text
}

// IsPlace reports whether s is "in FILE:LINE".
func IsPlace(s string) bool {
	colon := strings.LastIndexByte(s, ':')
	if colon < len("in x") || colon == len(s)-1 {
		return false
	}
	after := strings.TrimLeft(s[colon+1:], "0123456789")
	return after == ""
}
