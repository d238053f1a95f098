package lab

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/fakeupstream"
)

// What a sandbox refuses it refuses before it asks the agent: these have no lab.
func TestSandbox_RefusesWhatIsForTheOtherKind(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	plain := (&Lab{}).newSandbox(Setup{}, &Program{})
	catchAll := (&Lab{}).newSandbox(Setup{CatchAll: &CatchAll{}}, &Program{})
	second := func(_ any, err error) error { return err }
	for _, c := range []struct {
		name, instead string
		err           error
	}{
		{"Do", "Probe", second(catchAll.Do(ctx, Request{}))},
		{"StartBackground", "Probe", catchAll.StartBackground(ctx, Request{}, Condition{})},
		{"WriteFile", "Put", second(catchAll.WriteFile(ctx, File{Path: "/x"}))},
		{"Chmod", "Put", second(catchAll.Chmod(ctx, "/x", 0))},
		{"SetHosts", "Put", second(catchAll.SetHosts(ctx, nil))},
		{"LimitDisk", "", second(catchAll.LimitDisk(ctx, "", "/tmp", 1))},
		{"StartGateway", "StartCommand", catchAll.StartGateway(ctx)},
		{"StartUpstream", "SetBehaviour", catchAll.StartUpstream(ctx, Upstream{Name: "a", Fake: &fakeupstream.Spec{Listen: "10.0.0.1:80"}})},
		{"Records", "DrainEvents", second(catchAll.Records(ctx, "a"))},
		{"Probe", "Do", second(plain.Probe(ctx, ProbeSpec{}))},
		{"Put", "WriteFile", plain.Put(ctx, File{Path: "/x"})},
		{"Exec", "", second(plain.Exec(ctx, "true"))},
		{"There", "ReadFile", second(plain.There(ctx, "/x"))},
		{"Names", "", second(plain.Names(ctx, "/"))},
		{"Written", "", second(plain.Written(ctx))},
		{"ReadTree", "ReadFile", second(plain.ReadTree(ctx, "/"))},
		{"Wipe", "", plain.Wipe(ctx, "/x")},
		{"StartCommand", "StartGateway", plain.StartCommand(ctx, "nginx")},
		{"SetBehaviour", "StartUpstream", plain.SetBehaviour(ctx, nil, nil)},
		{"DrainEvents", "Records", second(plain.DrainEvents(ctx))},
	} {
		if !errors.Is(c.err, errors.ErrUnsupported) || !strings.Contains(c.err.Error(), c.name) || !strings.Contains(c.err.Error(), c.instead) {
			t.Errorf("%s: %v, which has to name %q", c.name, c.err, c.instead)
		}
	}
}
