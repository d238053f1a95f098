package main

import (
	"runtime"
	"strconv"
	"sync/atomic"

	"github.com/spf13/pflag"
)

// addLoad adds the flag that keeps the machine busy.
func addLoad(flags *pflag.FlagSet, load *int) {
	flags.IntVar(load, "load", 0, "keep so many loops busy meanwhile; four for each processor where no number is given")
	flags.Lookup("load").NoOptDefVal = strconv.Itoa(4 * runtime.NumCPU())
}

// burnProcessors keeps so many loops busy until it is told to stop, each on a thread of its own that the machine's other programs have
// to share the processors with.
func burnProcessors(loops int) (stop func()) {
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + loops)
	var quit atomic.Bool
	for range loops {
		go func() {
			for !quit.Load() {
			}
		}()
	}
	return func() {
		quit.Store(true)
		runtime.GOMAXPROCS(before)
	}
}
