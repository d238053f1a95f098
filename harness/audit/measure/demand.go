package measure

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/lab"
)

// What a lab for untrusted configs, which has 1 GiB, gives to the gateways of all sandboxes together, and what each takes of it:
// nginx's one worker has its connections made when it starts, with two events each.
// https://nginx.org/en/docs/ngx_core_module.html#worker_connections
const (
	gatewaysMemory = 768 << 20
	connectionSize = 440
	workerSize     = 4 << 20
)

// A demand is what one gateway takes.
type demand struct {
	connections int
	place       nginxconf.Place // of the directive that says so
}

func (d demand) memory() int { return d.connections*connectionSize + workerSize }

// demandOf reads it from the config.
func demandOf(c *nginxconf.Config) demand {
	d := demand{connections: 512}
	for _, by := range c.Find("worker_connections") {
		if n, err := strconv.Atoi(lastArg(by)); err == nil && n > 0 {
			d = demand{min(n, 1<<30), by.Place}
		}
	}
	return d
}

// parallel is how many such gateways may run at once, at most that many; the error is a *provision.Refused where not even one may.
func (d demand) parallel(most int) (int, error) {
	if d.memory() > gatewaysMemory {
		fits := (gatewaysMemory - workerSize) / connectionSize
		return 0, &provision.Refused{Refusal: audit.Refusal{Kind: "limit", Place: d.place,
			Remedy: fmt.Sprintf("check it with worker_connections %d or fewer", fits/1000*1000),
			Message: fmt.Sprintf("a worker with %d connections takes %d MiB when it starts, and a lab has %d MiB for it",
				d.connections, d.memory()>>20, gatewaysMemory>>20)}}
	}
	return max(1, min(most, gatewaysMemory/d.memory())), nil
}

// begin starts the gateway for the first time in a sandbox. That it does not come up, although nginx -t takes the config, is the
// config's own, and refused.
func (s *session) begin(ctx context.Context, sb *lab.Sandbox, names addressNames) error {
	err := s.start(ctx, sb, names)
	var refused *lab.ConfigError
	switch {
	case errors.As(err, &refused):
		r := audit.Refusal{Kind: "mistake", Place: nginxconf.Place{File: s.report.Main}, Remedy: "see what it needs at its start that a test of the config does not look at",
			Message: "nginx -t takes the config, and nginx does not start with it: " + refused.Error()}
		if len(refused.Lines) > 0 {
			r.Nginx = refused.Lines[0].Raw
		}
		return &provision.Refused{Refusal: r}
	case errors.Is(err, lab.ErrNotUp):
		return &provision.Refused{Refusal: audit.Refusal{Kind: "limit", Place: s.startup(), Message: lab.ErrNotUp.Error() + " within " + lab.UpLimit.String(),
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
