package measure

import (
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/lab"
	"log/slog"
)

// Options say what to check, and how.
type Options struct {
	// Path is the config: a file or a folder. Empty checks the config that Image has.
	Path string
	// Revision is one of the git repository that Path is in, to check Path of; empty for the files as they stand.
	Revision string
	// Image is the gateway's image ("nginx:1.29", "company/nginx:4"); empty for one of the project's own.
	Image string
	// Nginx is the version of the project's own image ("1.26"); empty for the default.
	Nginx string
	// Env fills ${VARIABLES} of templates.
	Env map[string]string
	// RealTime leaves the clock alone: every wait is as long as it says.
	RealTime bool
	// Routes and Faults pick by id, or by shell pattern of ids; empty for all.
	Routes, Faults []string
	// FaultList are the faults to make, one or more; Rules what to look for in the evidence. Nil is all that package review has;
	// a list without rules looks for nothing.
	FaultList []audit.Fault
	Rules     []audit.Rule
	// Policy is held against the measurements; nil for the default one.
	Policy *audit.Policy
	// NoMends leaves the mends of findings untried, so that they are advice. Those of a check of some routes or faults always are.
	NoMends bool
	// Everything measures routes that are alike one by one, however many they are.
	Everything bool
	// WithoutLimits takes an engine that limits neither memory nor processes; see [lab.Options].
	WithoutLimits bool
	// Parallel is how many sandboxes work at once; a sensible number when 0.
	Parallel int
	// Lab is a lab to work in, of an image that fits; nil makes one, and ends it.
	Lab *lab.Lab
	// Install allows to install and start a container engine where none is.
	Install bool
	// Logger gets a line about each long step, Progress how far the matrix has come. Nil for none.
	Logger   *slog.Logger
	Progress func(done, of int)
}

func (o *Options) defaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	if o.FaultList == nil {
		o.FaultList = review.Faults()
	}
	if o.Rules == nil {
		o.Rules = review.Rules()
	}
	if o.Parallel == 0 {
		o.Parallel = 6
	}
}
