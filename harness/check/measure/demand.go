package measure

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/moby/moby/client"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/agent/worldinit"
	"github.com/badgateway/badgateway/harness/check"
	"github.com/badgateway/badgateway/harness/check/supply"
	"github.com/badgateway/badgateway/harness/nginxconf"
	"github.com/badgateway/badgateway/harness/wire"
)

// What a lab for strangers' configs, which has 1 GiB, gives to the gateways of all worlds together, and what each takes of it:
// every worker of nginx has its connections made when it starts, with two events each.
// https://nginx.org/en/docs/ngx_core_module.html#worker_connections
const (
	gatewaysMemory = 768 << 20
	connectionSize = 440
	workerSize     = 4 << 20
	maxWorkers     = worldinit.Processes - 16 // the master and what it starts besides
	workersAtOnce  = 64
)

// A demand is what one gateway takes.
type demand struct {
	workers, connections int
	place                nginxconf.Place // of the directive that says most of it
}

func (d demand) memory() int { return d.workers * (d.connections*connectionSize + workerSize) }

// demandOf reads it from the config; processors are those of "worker_processes auto".
func demandOf(c *nginxconf.Config, processors int) demand {
	d := demand{workers: 1, connections: 512}
	number := func(name string, into *int) *nginxconf.Directive {
		all := c.Find(name)
		if len(all) == 0 || len(all[0].Args) == 0 {
			return nil
		}
		if n, err := strconv.Atoi(all[0].Args[0]); err == nil && n > 0 {
			*into = min(n, 1<<30)
		} else if all[0].Args[0] == "auto" {
			*into = max(processors, 1)
		}
		return all[0]
	}
	workers, connections := number("worker_processes", &d.workers), number("worker_connections", &d.connections)
	if by := connections; by != nil {
		d.place = by.Place
	}
	if by := workers; by != nil && (connections == nil || d.workers > maxWorkers) {
		d.place = by.Place
	}
	return d
}

// parallel is how many such gateways may run at once, at most that many; the error is a *supply.Refused where not even one may.
func (d demand) parallel(most int) (int, error) {
	refuse := func(remedy, message string, args ...any) (int, error) {
		return 0, &supply.Refused{Refusal: check.Refusal{Kind: "limit", Place: d.place, Remedy: remedy, Message: fmt.Sprintf(message, args...)}}
	}
	switch {
	case d.workers > maxWorkers:
		one := demand{workers: 1, connections: d.connections}.memory()
		return refuse(fmt.Sprintf("check it with worker_processes %d or fewer", max(1, min(maxWorkers, gatewaysMemory/one))),
			"worker_processes %d: a lab gives a gateway %d processes", d.workers, worldinit.Processes)
	case d.memory() > gatewaysMemory:
		fits := (gatewaysMemory/d.workers - workerSize) / connectionSize
		return refuse(fmt.Sprintf("check it with worker_connections %d or fewer, or with fewer workers", max(fits, 1)/1000*1000),
			"%d workers with %d connections each take %d MiB when they start, and a lab has %d MiB for them",
			d.workers, d.connections, d.memory()>>20, gatewaysMemory>>20)
	}
	return max(1, min(most, gatewaysMemory/d.memory(), workersAtOnce/d.workers)), nil
}

// size sets how many worlds work at once by what the config's gateway takes.
func (s *session) size(ctx context.Context) error {
	processors := 1
	for _, d := range s.config.Find("worker_processes") {
		if len(d.Args) == 0 || d.Args[0] != "auto" {
			continue
		}
		info, err := s.lab.Engine().Client().Info(ctx, client.InfoOptions{})
		if err != nil {
			return fmt.Errorf("asking the engine for its processors: %w", err)
		}
		processors = info.Info.NCPU
	}
	var err error
	s.o.Parallel, err = demandOf(s.config, processors).parallel(s.o.Parallel)
	return err
}

// begin starts the gateway for the first time in a world. That it does not come up, although nginx -t takes the config, is the
// config's own, and refused.
func (s *session) begin(ctx context.Context, w *harness.World, names seen) error {
	err := s.start(ctx, w, names)
	var refused *harness.ConfigError
	switch {
	case errors.As(err, &refused):
		r := check.Refusal{Kind: "mistake", Place: nginxconf.Place{File: s.report.Main}, Remedy: "see what it needs at its start that a test of the config does not look at",
			Message: "nginx -t takes the config, and nginx does not start with it: " + refused.Error()}
		if len(refused.Lines) > 0 {
			r.Nginx = refused.Lines[0].Raw
		}
		return &supply.Refused{Refusal: r}
	case wire.StillStarting(err):
		return &supply.Refused{Refusal: check.Refusal{Kind: "limit", Place: s.startup(), Message: wire.NotUp + " within " + wire.UpLimit.String(),
			Remedy: "see what its workers do when they start: they have to come to rest before visitors can be sent"}}
	case err != nil:
		return fmt.Errorf("starting the gateway: %w", err)
	}
	return nil
}

// startup is where the config says what workers do when they start, or its main file.
func (s *session) startup() nginxconf.Place {
	for _, name := range []string{"init_worker_by_lua_block", "init_worker_by_lua_file", "init_worker_by_lua", "js_periodic", "perl_modules"} {
		if all := s.config.Find(name); len(all) > 0 {
			return all[0].Place
		}
	}
	return nginxconf.Place{File: s.report.Main}
}
