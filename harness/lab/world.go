package lab

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A World is a cell in which every address, port and name answers, and in which a config that anybody wrote runs jailed: it
// has a root of its own, and neither a network nor a way to the lab.
type World struct {
	lab      *Lab
	id       string
	clock    bool
	visitors int
	running  bool
}

// OpenWorld makes a world. Its upstreams answer well, in whatever protocol they are spoken to. Logs are the files whose lines
// come with each answer.
func (l *Lab) OpenWorld(ctx context.Context, spec agentapi.WorldSpec, logs ...string) (*World, error) {
	w := &World{lab: l, id: fmt.Sprintf("w%d", l.cells.Add(1)), clock: l.Clocked()}
	cell := agentapi.CellSpec{
		ID: w.id, Logs: append([]string{agentapi.OutputOf(gatewayName)}, logs...), World: &spec,
		Addresses: []string{GatewayAddress, visitorNet + "1/24"},
		Files:     []agentapi.File{hostsFile(nil), {Path: "/etc/resolv.conf", Data: "nameserver 127.0.0.1\n"}},
	}
	if _, err := l.gateway.openCell(ctx, cell); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *World) call(ctx context.Context, name string, args, reply any) error {
	if reply == nil {
		reply = &agentapi.None{}
	}
	return w.lab.gateway.client.Call(ctx, name, args, reply)
}

// Clocked tells whether the world's time can be moved; else every wait is as long as it says.
func (w *World) Clocked() bool { return w.clock }

// Put writes files, links and folders into the world.
func (w *World) Put(ctx context.Context, files ...agentapi.File) error {
	return w.call(ctx, "Put", agentapi.PutSpec{Cell: w.id, Files: files}, nil)
}

// Exec runs a program in the world to its end.
func (w *World) Exec(ctx context.Context, argv ...string) (out agentapi.Executed, err error) {
	err = w.call(ctx, "Exec", agentapi.ExecSpec{Cell: w.id, Argv: argv}, &out)
	return out, err
}

// ExecWithin is Exec with a limit of its own.
func (w *World) ExecWithin(ctx context.Context, limit time.Duration, argv ...string) (out agentapi.Executed, err error) {
	err = w.call(ctx, "Exec", agentapi.ExecSpec{Cell: w.id, Argv: argv, Limit: limit}, &out)
	return out, err
}

// There says which of these paths the world has.
func (w *World) There(ctx context.Context, paths ...string) (found []string, err error) {
	err = w.call(ctx, "Look", agentapi.LookSpec{Cell: w.id, Paths: paths}, &found)
	return found, err
}

// Names are what a folder of the world holds; none where there is no such folder.
func (w *World) Names(ctx context.Context, folder string) (names []string, err error) {
	err = w.call(ctx, "Names", agentapi.NameRef{Cell: w.id, Name: folder}, &names)
	return names, err
}

// Written is all that was written in the world, so that it can be put into another.
func (w *World) Written(ctx context.Context) (files []agentapi.File, err error) {
	err = w.call(ctx, "Written", w.id, &files)
	return files, err
}

// ReadTree reads the files of a folder of the world, by their full path.
func (w *World) ReadTree(ctx context.Context, folder string) (map[string]string, error) {
	var out agentapi.Tree
	err := w.call(ctx, "ReadTree", agentapi.NameRef{Cell: w.id, Name: folder}, &out)
	return out, err
}

// Wipe empties folders, such as caches, of the world.
func (w *World) Wipe(ctx context.Context, folders ...string) error {
	return w.call(ctx, "Wipe", agentapi.WipeSpec{Cell: w.id, Folders: folders}, nil)
}

// Start starts the gateway by that command. A config that it refuses is a [ConfigError].
func (w *World) Start(ctx context.Context, argv ...string) error {
	spec := agentapi.ProcSpec{Cell: w.id, Argv: argv, Clock: w.clock, Poke: nginx.Program.Poke}
	var out agentapi.ProcStarted
	if err := w.call(ctx, "StartWorld", spec, &out); err != nil {
		return err
	}
	w.running = !out.Exited
	if !out.Exited {
		return nil
	}
	e := &ConfigError{Program: argv[0], Output: out.Output}
	lines, _ := nginx.ParseLogs(out.Output)
	for _, l := range lines {
		if l.AtLeast("emerg") {
			e.Lines = append(e.Lines, l)
		}
	}
	return e
}

// Stop ends the gateway at once, if it runs.
func (w *World) Stop(ctx context.Context) error {
	if !w.running {
		return nil
	}
	w.running = false
	return w.call(ctx, "Signal", agentapi.ProcRef{Cell: w.id, Name: gatewayName, Signal: 9, Group: true, Await: true}, nil)
}

// Behave makes upstreams and names behave so from now on; all that are not named are well.
func (w *World) Behave(ctx context.Context, upstreams []agentapi.Conduct, names []agentapi.NameConduct) error {
	return w.call(ctx, "Conduct", agentapi.ConductSpec{Cell: w.id, Upstreams: upstreams, Names: names}, nil)
}

// Ask asks the gateway as a visitor with an address of his own. The world's time passes until he has his answer.
func (w *World) Ask(ctx context.Context, spec agentapi.WorldAskSpec) (out agentapi.WorldAnswer, err error) {
	w.visitors++
	spec.Cell = w.id
	if spec.From == "" {
		spec.From = fmt.Sprint(visitorNet, (w.visitors-1)%254+1)
	}
	err = w.call(ctx, "AskWorld", spec, &out)
	return out, err
}

// Pass lets time pass.
func (w *World) Pass(ctx context.Context, d time.Duration) error {
	if !w.clock {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return w.call(ctx, "Pass", agentapi.MoveSpec{Cell: w.id, Offset: d}, nil)
}

// Run lets the world's clock go on at the machine's pace from now on. Until then the gateway's all but stands still.
func (w *World) Run(ctx context.Context) error {
	if !w.clock {
		return nil
	}
	return w.call(ctx, "Pass", agentapi.MoveSpec{Cell: w.id, Runs: true}, nil)
}

// Resting tells whether all that runs in the world waits for something to happen.
func (w *World) Resting(ctx context.Context) (rests bool, err error) {
	err = w.call(ctx, "Resting", w.id, &rests)
	return rests, err
}

// Listens tells whether the gateway takes connections at an address.
func (w *World) Listens(ctx context.Context, at string) (listens bool, err error) {
	err = w.call(ctx, "Listens", agentapi.NameRef{Cell: w.id, Name: at}, &listens)
	return listens, err
}

// News is what upstreams and names saw since it was last told.
func (w *World) News(ctx context.Context) (out agentapi.WorldNews, err error) {
	err = w.call(ctx, "WorldNews", w.id, &out)
	return out, err
}

// Tunnel is a connection to an address of the world from where this program runs.
func (w *World) Tunnel(ctx context.Context, to string) (net.Conn, error) {
	return w.lab.gateway.client.Tunnel(ctx, w.id, to)
}

// Starved is for how long something of the world was ready to run, and the machine had no processor for it.
func (w *World) Starved() (d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if w.call(ctx, "Starved", w.id, &d) != nil {
		return 0 // the lab is gone
	}
	return d
}

// Close ends all that runs in the world, and removes it.
func (w *World) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return w.lab.gateway.closeCell(ctx, w.id)
}
