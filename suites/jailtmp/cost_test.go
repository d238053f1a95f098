package suites

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/wire"
)

func TestCost(t *testing.T) {
	ctx := context.Background()
	l, err := harness.Start(ctx, harness.Options{Stranger: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	took := map[string][]time.Duration{}
	m := func(n string, f func() error) {
		b := time.Now()
		if err := f(); err != nil {
			t.Fatal(n, err)
		}
		took[n] = append(took[n], time.Since(b))
	}
	conf := "events {}\nhttp { server { listen 80; } }\n"
	var w *harness.World
	var c *harness.Cell
	for range 30 {
		m("cell open+start", func() (err error) {
			c, err = l.Open(ctx, harness.Setup{Gateway: harness.Gateway{Program: harness.Nginx, Files: []wire.File{{Path: "/etc/nginx/nginx.conf", Data: conf}}}, Clock: true})
			return err
		})
		m("cell restart", func() error { return c.RestartGateway(ctx) })
		m("cell close", c.Close)
		m("world open", func() (err error) { w, err = l.OpenWorld(ctx, nil, nil); return err })
		m("world put", func() error { return w.Put(ctx, wire.File{Path: "/etc/nginx/nginx.conf", Data: conf}) })
		m("world exec true", func() error { _, err := w.Exec(ctx, "/bin/true"); return err })
		m("world exec nginx -t", func() error { _, err := w.Exec(ctx, "nginx", "-t"); return err })
		m("world start", func() error { return w.Start(ctx, harness.Nginx.Argv...) })
		m("world stop", func() error { return w.Stop(ctx) })
		m("world close", w.Close)
	}
	for n, d := range took {
		slices.Sort(d)
		fmt.Println(n, "median", d[len(d)/2], "min", d[0])
	}
}
