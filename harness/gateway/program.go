package gateway

import (
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A Program is a server that the harness knows how to start, to wake and to read.
type Program struct {
	Name      string
	Argv      []string
	Clock     agentapi.ClockSpec // a run that prints the time, for a look whether it takes a moved clock
	Conf      string             // its main config file
	Folders   []agentapi.Folder
	Poke      agentapi.Poke
	ErrorLog  string
	AccessLog string          // written in the form of the snippet upstream-log.conf
	Snippets  []agentapi.File // files that every config can include
}
